"""Names that soft delete holds are freed after a destroy."""

from __future__ import annotations

from typing import Any

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from tests.conftest import RunningEmulator
from tools.purge import VAULT, VAULT_VERSION, WORKSPACE, purge, soft_deleting

GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/purge-tests"


def vault(name: str) -> str:
    return f"{GROUP}/providers/Microsoft.KeyVault/vaults/{name}"


def test_only_what_azure_deletes_softly_is_looked_at() -> None:
    state: list[dict[str, Any]] = [
        {"type": VAULT, "id": vault("a"), "outputs": {"location": "westeurope"}},
        {"type": WORKSPACE, "id": "/w", "outputs": {"location": "westeurope"}},
        {"type": VAULT, "outputs": {}},
        {"type": "azure-native:resources:ResourceGroup", "id": GROUP},
    ]
    assert soft_deleting(state) == [(VAULT, vault("a"), "westeurope"), (WORKSPACE, "/w", "westeurope")]


def test_a_purged_vault_frees_its_name_and_a_protected_one_says_why_not(emulator: RunningEmulator) -> None:
    client = arm()
    client.put(GROUP, "2024-03-01", {"location": "westeurope"})
    sku = {"family": "A", "name": "standard"}
    properties = {"tenantId": emulator.environment["ARM_TENANT_ID"], "sku": sku, "accessPolicies": []}
    for name, more in (("kv-purge-free", {}), ("kv-purge-kept", {"enablePurgeProtection": True})):
        body = {"location": "westeurope", "properties": {**properties, **more}}
        client.put(vault(name), VAULT_VERSION, body)
        client.delete(vault(name), VAULT_VERSION)
    said: list[str] = []
    purge(client, [(VAULT, vault(name), "West Europe") for name in ("kv-purge-free", "kv-purge-kept")], said.append)
    assert said[0] == "Purged: kv-purge-free"
    assert "kv-purge-kept keeps its name" in said[1]
    assert "purge protection" in said[1]
    client.put(vault("kv-purge-free"), VAULT_VERSION, {"location": "westeurope", "properties": properties})
    client.delete(GROUP, "2024-03-01")
