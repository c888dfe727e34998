"""The key that Pulumi encrypts the data key of a stack's secrets with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import keyvault

from infra.naming import Kind

if TYPE_CHECKING:
    from infra.key_vault import KeyVault
    from infra.placement import Placement


@dataclass(frozen=True, kw_only=True)
class SecretsKeyArgs:
    """The vault that the key never leaves."""

    placement: Placement
    vault: KeyVault


class SecretsKey(pulumi.ComponentResource):
    """An RSA key for other keys, and for nothing else. It costs a few cents for ten thousand uses. It is never rotated
    by itself: a stack's file holds a data key that this version has encrypted.
    """

    def __init__(self, name: str, args: SecretsKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:security:SecretsKey", name, None, opts)
        self.key_name = args.placement.naming.name(Kind.KEY, "pulumi")
        self.url = f"azurekeyvault://{args.vault.vault_name}.vault.azure.net/keys/{self.key_name}"
        self.key = keyvault.Key(
            name,
            key_name=self.key_name,
            vault_name=args.vault.vault_name,
            resource_group_name=args.placement.resource_group_name,
            tags=args.placement.tags,
            properties=keyvault.KeyPropertiesArgs(
                kty="RSA", key_size=3072, key_ops=["encrypt", "decrypt", "wrapKey", "unwrapKey"]
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.vault.vault]),
        )
        self.register_outputs({"url": self.url})
