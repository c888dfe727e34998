"""The resource group that holds the whole platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import resources

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class ResourceGroupArgs:
    """`name` is the group's name in Azure."""

    name: str
    location: str
    tags: Mapping[str, str]


class ResourceGroup(pulumi.ComponentResource):
    """One resource group, never locked: the workspace inside must stay removable."""

    def __init__(self, name: str, args: ResourceGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:resources:ResourceGroup", name, None, opts)
        self.name = args.name
        self.resource = resources.ResourceGroup(
            name,
            resource_group_name=args.name,
            location=args.location,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"name": args.name})
