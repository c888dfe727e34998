"""Frees the names that soft delete holds after a destroy: a vault or workspace keeps its name until it is purged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ml.clients.arm import Arm
from ml.clients.errors import CloudError

VAULT = "azure-native:keyvault:Vault"
WORKSPACE = "azure-native:machinelearningservices:Workspace"
VAULT_VERSION = "2024-11-01"
WORKSPACE_VERSION = "2025-12-01"


def soft_deleting(resources: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Type, ARM id and location of what Azure deletes softly with a stack, whose state this is; what the stack only
    lets go of stays.
    """
    return [
        (str(one["type"]), str(one["id"]), str(one.get("outputs", {}).get("location", "")))
        for one in resources
        if one.get("type") in (VAULT, WORKSPACE) and one.get("id") and not one.get("retainOnDelete")
    ]


def purge(arm: Arm, found: Iterable[tuple[str, str, str]], say: Callable[[str], None]) -> None:
    """Purges what is really gone; a vault with purge protection stays, and `say` gets why."""
    for kind, resource, location in found:
        name = resource.rpartition("/")[2]
        try:
            if kind == VAULT:
                purge_vault(arm, resource, location)
            elif arm.get(resource, WORKSPACE_VERSION) is None:
                arm.send("DELETE", resource, WORKSPACE_VERSION, query={"forceToPurge": "true"}, accept=(404,))
            say(f"Purged: {name}")
        except CloudError as error:
            say(f"{name} keeps its name: {error}. Another `mlops:nameSalt` gives the stack new names.")


def purge_vault(arm: Arm, resource: str, location: str) -> None:
    """Purges a soft-deleted vault: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/purge-deleted."""
    subscription, name = resource.split("/")[2], resource.rpartition("/")[2]
    provider = f"/subscriptions/{subscription}/providers/Microsoft.KeyVault"
    deleted = f"{provider}/locations/{location.lower().replace(' ', '')}/deletedVaults/{name}"
    if arm.get(deleted, VAULT_VERSION) is not None:
        arm.post(f"{deleted}/purge", VAULT_VERSION)
