"""Where a resource goes: the resource group, the region and the tags that everything in a stack shares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import Provider

from infra.naming import Kind, Naming, required_tags
from infra.resource_group import ResourceGroup, ResourceGroupArgs
from infra.resource_id import group_id, resource_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.network import NetworkProfile
    from infra.stack_settings import StackSettings


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


def provider_of(settings: StackSettings) -> Provider:
    """The one provider of a stack, which takes the subscription from the configuration and not from the shell."""
    return Provider(
        "azure",
        subscription_id=str(settings.subscription_id),
        tenant_id=str(settings.tenant_id),
        location=settings.location,
    )


def place(
    settings: StackSettings,
    network: NetworkProfile,
    opts: pulumi.ResourceOptions,
    *,
    is_production: bool,
    given: Mapping[tuple[Kind, str], str] = MappingProxyType({}),
) -> Placement:
    """Declares the stack's resource group, and says where everything else goes; `given` is what has a name already."""
    stack = pulumi.get_stack()
    naming = Naming.of(
        subscription_id=str(settings.subscription_id),
        project=pulumi.get_project(),
        stack=stack,
        salt=settings.name_salt,
    )
    naming = replace(naming, given=given)
    tags, name = required_tags(settings, stack), naming.name(Kind.RESOURCE_GROUP)
    group = ResourceGroup("resource-group", ResourceGroupArgs(name=name, location=settings.location, tags=tags), opts)
    return Placement(
        subscription_id=str(settings.subscription_id),
        tenant_id=str(settings.tenant_id),
        resource_group_name=name,
        group=group.resource,
        location=settings.location,
        tags=tags,
        naming=naming,
        network=network,
        is_production=is_production,
    )
