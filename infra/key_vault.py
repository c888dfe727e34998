"""Key Vault: the secrets of the workspace and of the systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import keyvault

from infra.naming import Kind
from infra.role_assignments import Scope

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.soft_delete import SoftDelete

DAYS_KEPT = 7
DAYS_KEPT_IN_PRODUCTION = 90


@dataclass(frozen=True, kw_only=True)
class KeyVaultArgs:
    """The vault takes everything from where it is placed; `soft_delete`: the guard before it."""

    placement: Placement
    soft_delete: SoftDelete


class KeyVault(pulumi.ComponentResource):
    """A vault opened by roles, never by access policies. A deleted vault is kept 7 days and may be purged; in
    production it is kept 90 days, nobody can purge it, and no `up` deletes it. The guard before it recovers or purges a
    deleted one that holds the name.
    """

    def __init__(self, name: str, args: KeyVaultArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:security:KeyVault", name, None, opts)
        self.vault_name = args.placement.naming.name(Kind.KEY_VAULT)
        self.vault_id = args.placement.resource_id(Kind.KEY_VAULT, self.vault_name)
        child = pulumi.ResourceOptions(parent=self)
        guard = args.soft_delete.vault(f"{name}-guard", self.vault_id, args.placement, child)
        self.vault = keyvault.Vault(
            name,
            vault_name=self.vault_name,
            resource_group_name=args.placement.resource_group_name,
            location=args.placement.location,
            tags=args.placement.tags,
            # The whole of it waits for the guard: a property without a value would be one that is set to nothing.
            properties=guard.create_mode.apply(lambda mode: self._properties(args.placement, mode)),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.placement.group, guard.resource],
                protect=args.placement.is_production,
            ),
        )
        self.register_outputs({"vaultName": self.vault_name, "vaultId": self.vault_id})

    @property
    def scope(self) -> Scope:
        """The vault, for role assignments."""
        return Scope("vault", self.vault_id, self.vault)

    @staticmethod
    def _properties(placement: Placement, create_mode: str | None) -> keyvault.VaultPropertiesArgs:
        network = placement.network
        return keyvault.VaultPropertiesArgs(
            tenant_id=placement.tenant_id,
            create_mode=keyvault.CreateMode(create_mode) if create_mode else None,
            sku=keyvault.SkuArgs(family="A", name="standard"),
            enable_rbac_authorization=True,
            enable_soft_delete=True,
            soft_delete_retention_in_days=DAYS_KEPT_IN_PRODUCTION if placement.is_production else DAYS_KEPT,
            # Azure refuses the value false: without purge protection the property has to be absent.
            enable_purge_protection=True if placement.is_production else None,
            public_network_access=network.public_access,
            network_acls=keyvault.NetworkRuleSetArgs(
                default_action=network.default_action,
                bypass="AzureServices",
                ip_rules=[keyvault.IPRuleArgs(value=address) for address in network.allowed_addresses],
            ),
        )
