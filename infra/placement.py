"""Where a resource goes: the resource group, the region and the tags that everything in a stack shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.resource_id import group_id, resource_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from infra.naming import Kind, Naming
    from infra.network import NetworkProfile


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What every component needs to know. Ids and names are plain text, so `group` is a dependency to be named, not
    read.
    """

    subscription_id: str
    tenant_id: str
    resource_group_name: str
    group: pulumi.Resource
    location: str
    tags: Mapping[str, str]
    naming: Naming
    network: NetworkProfile
    is_production: bool

    def resource_id(self, kind: Kind, *names: str) -> str:
        """Id of a resource in the group."""
        return resource_id(group_id(self.subscription_id, self.resource_group_name), kind, *names)
