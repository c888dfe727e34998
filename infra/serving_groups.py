"""The address of a system whose model serves in container groups. The groups themselves are its rollout's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from infra import permissions
from infra.naming import Kind
from infra.role_assignments import Principal, RoleAssignments, RoleAssignmentsArgs

if TYPE_CHECKING:
    from infra.key_vault import KeyVault
    from infra.placement import Placement


@dataclass(frozen=True, kw_only=True)
class ServingGroupsArgs:
    """`role`: short name of the system. The vault keeps the key that clients send."""

    placement: Placement
    vault: KeyVault
    deployers_group_id: str
    role: str


class ServingGroups(pulumi.ComponentResource):
    """The name of the gateway's group, which is also that of its public address; and the right to make its key."""

    def __init__(self, name: str, args: ServingGroupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:containerinstance:ServingGroups", name, None, opts)
        self.endpoint_name = args.placement.naming.name(Kind.CONTAINER_GROUP, args.role)
        grants = RoleAssignmentsArgs(
            subscription_id=args.placement.subscription_id,
            principal=Principal.group(args.deployers_group_id),
            grants=permissions.key_makers(args.vault),
        )
        RoleAssignments(f"{name}-key-makers", grants, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"endpointName": self.endpoint_name})
