"""Key Vault's ARM types: vaults, and the soft-deleted ones that still hold their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.arm.types import require_location
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.keyvault.secrets import SecretStore
from emulator.resource_id import ResourceId
from emulator.service import Action, Emulator, ResourceType
from emulator.settings import SUBSCRIPTION_ID, TENANT_ID, VAULT_SUFFIX
from emulator.store import Document

VAULT = "Microsoft.KeyVault/vaults"
RETENTION_DAYS = 90


class Vault(ResourceType):
    """A vault. Deleted, it keeps its name until it is recovered, purged, or its retention ends."""

    type = VAULT
    soft_delete = True

    def __init__(self, emulator: Emulator, secrets: SecretStore) -> None:
        self.emulator = emulator
        self.secrets = secrets

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        properties = document.properties
        mode = properties.pop("createMode", "default")
        if old is None:
            self._claim_name(document, mode)
            properties = document.properties
        if old and old.properties.get("enablePurgeProtection") and properties.get("enablePurgeProtection") is False:
            raise ServiceError(400, "BadRequest", 'The property "enablePurgeProtection" cannot be set to false.')
        properties.setdefault("softDeleteRetentionInDays", RETENTION_DAYS)
        properties.setdefault("enableSoftDelete", True)
        properties.setdefault("tenantId", TENANT_ID)
        properties["vaultUri"] = f"https://{document.name.lower()}.{VAULT_SUFFIX}:{self.emulator.settings.https_port}/"
        properties["provisioningState"] = "Succeeded"

    def _claim_name(self, document: Document, mode: str) -> None:
        """Refuses a name that is held. What is recovered is as it was, whatever else the request says."""
        name = document.name.lower()
        if any(vault.name.lower() == name for vault in self.emulator.store.of_type(VAULT)):
            raise ServiceError(409, "VaultAlreadyExists", f"The vault name '{document.name}' is already in use.")
        for deleted, _ in self.emulator.store.deleted_of_type(VAULT):
            if deleted.name.lower() != name:
                continue
            if mode == "recover" and deleted.key == document.key:
                self.emulator.store.purge(deleted.id)
                document.body.clear()
                document.body.update(deepcopy(deleted.body))
                return
            message = (
                "A vault with the same name already exists in deleted state. "
                "You need to either recover or purge existing key vault: "
                f"'{document.name}'."
            )
            raise ServiceError(409, "ConflictError", message)
        if mode == "recover":
            message = "A soft deleted vault with the given name does not exist."
            raise ServiceError(400, "SoftDeletedVaultDoesNotExist", message)

    def purge(self, document: Document) -> None:
        self.secrets.forget(document.name.lower())


class DeletedVault(ResourceType):
    """`/subscriptions/{id}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}` with its `purge`
    action.
    """

    type = "Microsoft.KeyVault/locations/deletedVaults"
    creatable = False

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def implicit(self, resource: ResourceId) -> Document | None:
        return next((document for document in self.implicit_children(resource) if document.key == resource.key), None)

    def implicit_children(self, collection: ResourceId) -> Sequence[Document]:
        return [
            self._shown(document, deleted) for document, deleted in self.vault.emulator.store.deleted_of_type(VAULT)
        ]

    def _shown(self, document: Document, deleted: float) -> Document:
        location = document.body["location"]
        days = document.properties["softDeleteRetentionInDays"]
        when = datetime.fromtimestamp(deleted, UTC)
        properties: dict[str, Any] = {
            "vaultId": document.id,
            "location": location,
            "tags": document.body.get("tags", {}),
            "deletionDate": when.isoformat(),
            "scheduledPurgeDate": (when + timedelta(days=days)).isoformat(),
            "purgeProtectionEnabled": document.properties.get("enablePurgeProtection", False),
        }
        provider = f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.KeyVault"
        where = f"{provider}/locations/{location}/deletedVaults/{document.name}"
        return Document(where, {"properties": properties})

    def actions(self) -> Mapping[str, Action]:
        return {"purge": self.purge_now}

    def purge_now(self, document: Document, request: Request) -> Response:
        """Frees the name; refused under purge protection."""
        if document.properties["purgeProtectionEnabled"]:
            message = (
                f"Vault '{document.name}' has purge protection: it goes on {document.properties['scheduledPurgeDate']}."
            )
            raise ServiceError(409, "PurgeProtectionEnabled", message)
        store = self.vault.emulator.store
        vault = store.get_deleted(document.properties["vaultId"])
        if vault:
            store.purge(vault.id)
            self.vault.purge(vault)
        return Response(200)
