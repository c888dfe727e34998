"""The address of a system whose model serves in container groups. The groups themselves are its rollout's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from infra.naming import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.placement import Placement


@dataclass(frozen=True, kw_only=True)
class ServingGroupsArgs:
    """`role`: short name of the system. `key_makers`: the right to make the key that clients send."""

    placement: Placement
    role: str
    key_makers: Sequence[pulumi.Resource]


class ServingGroups(pulumi.ComponentResource):
    """The name of the gateway's group, which is also that of its public address."""

    def __init__(self, name: str, args: ServingGroupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:containerinstance:ServingGroups", name, None, opts)
        self.endpoint_name = args.placement.naming.name(Kind.CONTAINER_GROUP, args.role)
        self.needed = list(args.key_makers)
        """What a rollout waits for."""
        self.register_outputs({"endpointName": self.endpoint_name})
