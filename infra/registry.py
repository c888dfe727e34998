"""Azure Container Registry: the images of jobs and of scoring servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import containerregistry

from infra.naming import Kind
from infra.role_assignments import Scope

if TYPE_CHECKING:
    from infra.placement import Placement


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """The registry takes everything from where it is placed."""

    placement: Placement


class Registry(pulumi.ComponentResource):
    """Our own registry, because the one Azure ML makes by itself has its admin user switched on. Tokens only, no
    anonymous pull. In production a Premium registry has its copies in several zones.
    """

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:containers:Registry", name, None, opts)
        placement = args.placement
        self.registry_name = placement.naming.name(Kind.CONTAINER_REGISTRY)
        self.registry_id = placement.resource_id(Kind.CONTAINER_REGISTRY, self.registry_name)
        self.registry = containerregistry.Registry(
            name,
            registry_name=self.registry_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            sku=containerregistry.SkuArgs(name=placement.network.registry_sku),
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            public_network_access=placement.network.public_access,
            network_rule_bypass_options="AzureServices",
            # Layers come from an address of the registry's own, which a private endpoint can stand for.
            data_endpoint_enabled=True if placement.network.is_private else None,
            zone_redundancy="Enabled" if placement.is_production and not placement.network.is_open else None,
            network_rule_set=self._firewall(placement),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group], protect=placement.is_production),
        )
        self.login_server: pulumi.Output[str] = self.registry.login_server
        self.register_outputs({"registryName": self.registry_name, "loginServer": self.login_server})

    @property
    def scope(self) -> Scope:
        """The registry, for role assignments."""
        return Scope("registry", self.registry_id, self.registry)

    @staticmethod
    def _firewall(placement: Placement) -> containerregistry.NetworkRuleSetArgs | None:
        """Azure refuses firewall rules on a registry that is not Premium."""
        network = placement.network
        if network.is_open:
            return None
        return containerregistry.NetworkRuleSetArgs(
            default_action=network.default_action,
            ip_rules=[
                containerregistry.IPRuleArgs(action="Allow", i_p_address_or_range=address)
                for address in network.allowed_addresses
            ],
        )
