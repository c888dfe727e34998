"""Key Vault's secrets through the unmodified SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from emulator.settings import SUBSCRIPTION_ID, VAULT_SUFFIX
from tests.conftest import RunningEmulator
from tests.contract.test_arm import Arm, vault, vault_body, wait_for

GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/keyvault-tests"


@pytest.fixture(scope="module")
def secrets(emulator: RunningEmulator) -> Iterator[SecretClient]:
    arm = Arm(emulator)
    arm.send("PUT", GROUP, {"location": "westeurope"})
    uri = arm.send("PUT", f"{GROUP}/{vault('kv-secrets')}", vault_body()).json()["properties"]["vaultUri"]
    assert uri == f"https://kv-secrets.{VAULT_SUFFIX}:{emulator.settings.https_port}/"
    with (
        DefaultAzureCredential() as credential,
        SecretClient(uri, credential, verify_challenge_resource=False) as client,
    ):
        yield client
    wait_for(arm, arm.send("DELETE", GROUP))
    deleted = "providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-secrets"
    purge = f"/subscriptions/{SUBSCRIPTION_ID}/{deleted}/purge"
    assert arm.send("POST", purge).status_code == 200
    arm.client.close()


def test_each_set_is_a_version_and_the_newest_is_what_one_gets(secrets: SecretClient) -> None:
    first = secrets.set_secret("token", "one", content_type="text/plain", tags={"a": "b"})
    secrets.set_secret("token", "two")
    assert secrets.get_secret("token").value == "two"
    old = secrets.get_secret("token", first.properties.version)
    assert (old.value, old.properties.content_type, old.properties.tags) == ("one", "text/plain", {"a": "b"})
    assert len(list(secrets.list_properties_of_secret_versions("token"))) == 2
    assert "token" in [secret.name for secret in secrets.list_properties_of_secrets()]


def test_a_deleted_secret_is_recovered_or_purged(secrets: SecretClient) -> None:
    secrets.set_secret("gone", "x")
    secrets.begin_delete_secret("gone").result()
    with pytest.raises(ResourceNotFoundError):
        secrets.get_secret("gone")
    with pytest.raises(HttpResponseError, match="recoverable"):
        secrets.set_secret("gone", "y")
    secrets.begin_recover_deleted_secret("gone").result()
    assert secrets.get_secret("gone").value == "x"
    secrets.begin_delete_secret("gone").result()
    secrets.purge_deleted_secret("gone")
    secrets.set_secret("gone", "new")
    assert len(list(secrets.list_properties_of_secret_versions("gone"))) == 1


def test_values_are_not_readable_on_disk(secrets: SecretClient, emulator: RunningEmulator) -> None:
    secrets.set_secret("hidden", "canary-7f3a91")
    files = [path for path in emulator.settings.state.rglob("*") if path.is_file()]
    assert [path for path in files if b"canary-7f3a91" in path.read_bytes()] == []


def test_a_missing_secret_is_named(secrets: SecretClient) -> None:
    with pytest.raises(ResourceNotFoundError, match="never-set"):
        secrets.get_secret("never-set")
