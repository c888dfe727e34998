"""Storage accounts and what is in them, in ARM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.contract.blob_service import ACCOUNTS, GROUP, BlobService, StorageAccounts, code

NAME = "blobarm"
WHERE = f"{ACCOUNTS}/{NAME}"
CONTAINERS = f"{WHERE}/blobServices/default/containers"


@pytest.fixture
def account(storage_accounts: StorageAccounts) -> Iterator[BlobService]:
    service = storage_accounts.create(NAME)
    with service.shared:
        yield service
    storage_accounts.delete(NAME)


def names(storage_accounts: StorageAccounts) -> list[str]:
    """The containers ARM lists."""
    return sorted(found["name"] for found in storage_accounts.send("GET", CONTAINERS).json()["value"])


def test_an_account_says_where_it_answers(account: BlobService, storage_accounts: StorageAccounts) -> None:
    found: dict[str, Any] = storage_accounts.send("GET", WHERE).json()
    properties = found["properties"]
    port = storage_accounts.emulator.settings.https_port
    assert properties["primaryEndpoints"]["blob"] == f"https://{NAME}.blob.core.localhost:{port}/"
    assert properties["provisioningState"] == "Succeeded"
    assert (properties["primaryLocation"], properties["statusOfPrimary"]) == ("westeurope", "available")
    assert properties["encryption"]["services"]["blob"]["enabled"] is True
    assert found["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    assert account.key not in storage_accounts.send("GET", WHERE).text


def test_a_change_keeps_keys_and_times(account: BlobService, storage_accounts: StorageAccounts) -> None:
    before = storage_accounts.send("GET", WHERE).json()["properties"]
    storage_accounts.create(NAME, accessTier="Cool")
    after = storage_accounts.send("GET", WHERE).json()["properties"]
    assert (before["accessTier"], after["accessTier"]) == ("Hot", "Cool")
    assert before["creationTime"] == after["creationTime"]
    assert storage_accounts.send("POST", f"{WHERE}/listKeys").json()["keys"][0]["value"] == account.key


def test_forbidding_keys_takes_effect_at_once(account: BlobService, storage_accounts: StorageAccounts) -> None:
    account.shared.create_container("data")
    storage_accounts.send("PATCH", WHERE, {"properties": {"allowSharedKeyAccess": False}})
    with pytest.raises(HttpResponseError) as refused:
        account.shared.create_container("more")
    assert code(refused.value) == (403, "KeyBasedAuthenticationNotPermitted")
    assert storage_accounts.send("POST", f"{WHERE}/listKeys").is_success


def test_a_name_is_taken_everywhere(account: BlobService, storage_accounts: StorageAccounts) -> None:
    group = f"{GROUP}-2"
    storage_accounts.send("PUT", group, {"location": "westeurope"})
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    answer = storage_accounts.send("PUT", WHERE.replace(GROUP, group), body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "StorageAccountAlreadyTaken")
    bad = storage_accounts.send("PUT", f"{ACCOUNTS}/UpperCase", body)
    assert bad.status_code == 400


def test_the_blob_service_is_there_from_the_start(account: BlobService, storage_accounts: StorageAccounts) -> None:
    service = f"{WHERE}/blobServices/default"
    assert storage_accounts.send("GET", service).json()["properties"]["deleteRetentionPolicy"]["enabled"] is False
    policy = {"properties": {"deleteRetentionPolicy": {"enabled": True, "days": 7}}}
    assert storage_accounts.send("PUT", service, policy).is_success
    assert storage_accounts.send("GET", service).json()["properties"]["deleteRetentionPolicy"]["days"] == 7
    assert storage_accounts.send("GET", f"{ACCOUNTS}/missing/blobServices/default").status_code == 404
    assert storage_accounts.send("PUT", f"{WHERE}/blobServices/other", policy).status_code == 400


def test_containers_are_the_same_from_both_sides(account: BlobService, storage_accounts: StorageAccounts) -> None:
    body = {"properties": {"metadata": {"by": "arm"}}}
    assert storage_accounts.send("PUT", f"{CONTAINERS}/from-arm", body).is_success
    assert account.shared.get_container_client("from-arm").get_container_properties().metadata == {"by": "arm"}
    account.shared.create_container("from-data", metadata={"by": "data"})
    assert names(storage_accounts) == ["from-arm", "from-data"]
    found = storage_accounts.send("GET", f"{CONTAINERS}/from-data").json()["properties"]
    assert (found["metadata"], found["publicAccess"]) == ({"by": "data"}, "None")
    account.shared.delete_container("from-arm")
    assert names(storage_accounts) == ["from-data"]
    assert storage_accounts.send("DELETE", f"{CONTAINERS}/from-data").is_success
    assert list(account.shared.list_containers()) == []


def test_a_second_put_keeps_the_blobs(account: BlobService, storage_accounts: StorageAccounts) -> None:
    storage_accounts.send("PUT", f"{CONTAINERS}/data", {"properties": {}})
    account.shared.get_blob_client("data", "a").upload_blob(b"1")
    assert storage_accounts.send("PUT", f"{CONTAINERS}/data", {"properties": {"metadata": {"a": "1"}}}).is_success
    assert account.shared.get_blob_client("data", "a").download_blob().readall() == b"1"
    with pytest.raises(ResourceExistsError):
        account.shared.create_container("data")


def test_an_account_takes_everything_along(account: BlobService, storage_accounts: StorageAccounts) -> None:
    account.shared.create_container("data").upload_blob("a", b"1")
    policy: dict[str, Any] = {"properties": {"policy": {"rules": []}}}
    assert storage_accounts.send("PUT", f"{WHERE}/managementPolicies/default", policy).is_success
    assert storage_accounts.delete(NAME) == 200
    with pytest.raises(ResourceNotFoundError) as refused:
        account.shared.get_blob_client("data", "a").download_blob()
    assert code(refused.value) == (404, "ResourceNotFound")
    again = storage_accounts.create(NAME)
    with again.shared:
        assert list(again.shared.list_containers()) == []
    assert storage_accounts.send("GET", f"{WHERE}/managementPolicies/default").status_code == 404
