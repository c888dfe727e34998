"""Who may do what: keys, shared access signatures, bearer tokens, public containers."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import (
    ContainerClient,
    PublicAccess,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.storage.blob_store import container_signature
from emulator.storage.delegation import Delegation
from tests.conftest import RunningEmulator
from tests.contract.blob_service import ACCOUNTS, BlobContainer, BlobService, StorageAccounts, code

SOON = timedelta(hours=1)
WRONG_KEY = base64.b64encode(b"not the key of this account, but as long as one".ljust(64, b"!")).decode()


class FixedToken:
    """A credential with one token, whatever is asked for."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)


def container_sas(container: BlobContainer, permissions: str, **options: Any) -> str:
    """A signature for the container by the account's key."""
    service = container.service
    given: dict[str, Any] = {"permission": permissions, "expiry": datetime.now(UTC) + SOON, **options}
    return str(generate_container_sas(service.account, container.name, service.key, **given))


def wrong_signature(container: BlobContainer) -> tuple[int, str]:
    """How what nobody signed is refused."""
    return container.service.refusal("a wrong signature", 403, "AuthenticationFailed")


def refusal(call: Callable[[], object]) -> tuple[int | None, str]:
    """How a call is refused."""
    with pytest.raises(HttpResponseError) as refused:
        call()
    return code(refused.value)


# -- keys


def test_a_wrong_key_is_refused(container: BlobContainer) -> None:
    with container.service.client(WRONG_KEY) as client:
        writer = client.get_container_client(container.name)
        assert refusal(lambda: writer.upload_blob("a", b"1")) == wrong_signature(container)
    assert not container.client.get_blob_client("a").exists()


def test_signed_metadata_names_sort_as_the_service_sorts_them(container: BlobContainer) -> None:
    metadata = {"a": "1", "a_b": "2", "ab": "3", "a1": "4"}
    blob = container.client.upload_blob("a", b"1", metadata=metadata)
    assert blob.get_blob_properties().metadata == metadata


def test_both_keys_work_and_a_regenerated_one_stops(storage_accounts: StorageAccounts) -> None:
    service = storage_accounts.create("blobtwokeys")
    where = f"{ACCOUNTS}/{service.account}"
    old = [key["value"] for key in storage_accounts.send("POST", f"{where}/listKeys").json()["keys"]]
    new = storage_accounts.send("POST", f"{where}/regenerateKey", {"keyName": "key1"}).json()["keys"]
    assert (new[0]["value"] != old[0], new[1]["value"]) == (True, old[1])
    for key in (new[0]["value"], new[1]["value"]):
        with service.client(key) as client:
            assert list(client.list_containers()) == []
    with service.client(old[0]) as client:
        assert refusal(lambda: list(client.list_containers())) == (403, "AuthenticationFailed")
    assert storage_accounts.delete(service.account) == 200


def test_keys_are_refused_where_the_account_forbids_them(storage_accounts: StorageAccounts) -> None:
    service = storage_accounts.create("blobnokeys", allowSharedKeyAccess=False)
    with service.client() as client:
        assert refusal(lambda: client.create_container("data")) == (403, "KeyBasedAuthenticationNotPermitted")
    options: dict[str, Any] = {"account_key": service.key, "permission": "rl", "expiry": datetime.now(UTC) + SOON}
    with service.client(generate_container_sas(service.account, "data", **options)) as client:
        container = client.get_container_client("data")
        assert refusal(lambda: list(container.list_blobs())) == (403, "KeyBasedAuthenticationNotPermitted")
    with service.client(ManagedIdentityCredential()) as client:
        client.create_container("data")
    assert storage_accounts.delete(service.account) == 200


# -- shared access signatures


def test_a_signature_allows_what_it_names(container: BlobContainer) -> None:
    container.client.upload_blob("a", b"1")
    with container.signed(container_sas(container, "rl")) as reader:
        assert reader.download_blob("a").readall() == b"1"
        assert [blob.name for blob in reader.list_blobs()] == ["a"]
        mismatch = (403, "AuthorizationPermissionMismatch")
        assert refusal(lambda: reader.upload_blob("b", b"1")) == mismatch
        assert refusal(lambda: reader.delete_blob("a")) == mismatch
    with container.signed(container_sas(container, "cw")) as writer:
        writer.upload_blob("a", b"2", overwrite=True)
        assert refusal(lambda: writer.download_blob("a")) == mismatch


def test_a_signature_to_create_does_not_overwrite(our_container: BlobContainer) -> None:
    with our_container.signed(container_sas(our_container, "c")) as creator:
        creator.upload_blob("a", b"1")
        assert refusal(lambda: creator.upload_blob("a", b"2", overwrite=True)) == (403, "UnauthorizedBlobOverwrite")


def test_a_signature_has_its_time(container: BlobContainer) -> None:
    past, failed = datetime.now(UTC) - SOON, wrong_signature(container)
    with container.signed(container_sas(container, "rl", expiry=past)) as late:
        assert refusal(lambda: list(late.list_blobs())) == failed
    with container.signed(container_sas(container, "rl", start=datetime.now(UTC) + SOON / 2)) as early:
        assert refusal(lambda: list(early.list_blobs())) == failed


def test_a_changed_signature_is_refused(container: BlobContainer) -> None:
    changed = container_sas(container, "r").replace("sp=r", "sp=rl")
    with container.signed(changed) as client:
        assert refusal(lambda: list(client.list_blobs())) == wrong_signature(container)


def test_a_signature_is_for_its_container(container: BlobContainer) -> None:
    options: dict[str, Any] = {
        "account_key": container.service.key,
        "permission": "rl",
        "expiry": datetime.now(UTC) + SOON,
    }
    other = generate_container_sas(container.service.account, "another", **options)
    with container.signed(other) as client:
        assert refusal(lambda: list(client.list_blobs())) == wrong_signature(container)


def test_a_blobs_signature_is_for_that_blob(container: BlobContainer) -> None:
    for name in ("a", "b"):
        container.client.upload_blob(name, name.encode())
    options: dict[str, Any] = {
        "account_key": container.service.key,
        "permission": "r",
        "expiry": datetime.now(UTC) + SOON,
    }
    signature = generate_blob_sas(container.service.account, container.name, "a", content_type="text/x", **options)
    with container.signed(signature) as client:
        assert client.download_blob("a").readall() == b"a"
        assert client.get_blob_client("a").get_blob_properties().content_settings.content_type == "text/x"
        assert refusal(lambda: client.download_blob("b")) == wrong_signature(container)


@pytest.mark.parametrize("levels", ["sco", "o"])
def test_an_accounts_signature_names_its_levels(container: BlobContainer, levels: str) -> None:
    service = container.service
    signature = generate_account_sas(service.account, service.key, levels, "rwl", datetime.now(UTC) + SOON)
    with service.client(signature) as client:
        client.get_blob_client(container.name, "a").upload_blob(b"1")
        if "s" in levels:
            assert container.name in [found.name for found in client.list_containers()]
            return
        mismatch = (403, "AuthorizationResourceTypeMismatch")
        assert refusal(lambda: list(client.list_containers())) == mismatch
        assert refusal(lambda: list(client.get_container_client(container.name).list_blobs())) == mismatch


def test_arm_signs_for_the_account(storage_accounts: StorageAccounts, our_container: BlobContainer) -> None:
    service = our_container.service
    expiry = (datetime.now(UTC) + SOON).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = {"signedServices": "b", "signedResourceTypes": "co", "signedPermission": "rl", "signedExpiry": expiry}
    answer = storage_accounts.send("POST", f"{ACCOUNTS}/{service.account}/ListAccountSas", asked)
    with our_container.signed(answer.json()["accountSasToken"]) as client:
        assert list(client.list_blobs()) == []
        assert refusal(lambda: client.upload_blob("a", b"1")) == (403, "AuthorizationPermissionMismatch")


# -- bearer tokens


def test_a_managed_identity_signs_in(our_container: BlobContainer) -> None:
    with our_container.service.client(ManagedIdentityCredential()) as client:
        client.get_blob_client(our_container.name, "a").upload_blob(b"1")
    assert our_container.client.download_blob("a").readall() == b"1"


@pytest.mark.parametrize("kind", ["foreign", "nonsense", "other audience"])
def test_a_wrong_token_is_refused(
    our_container: BlobContainer, storage_accounts: StorageAccounts, emulator: RunningEmulator, kind: str
) -> None:
    right = storage_accounts.token("https://storage.azure.com")
    key = rsa.generate_private_key(65537, 2048)
    claims = jwt.decode(right, options={"verify_signature": False})
    token = {
        "foreign": jwt.encode(claims, key, "RS256", jwt.get_unverified_header(right)),
        "nonsense": "nonsense",
        "other audience": storage_accounts.token("https://vault.azure.net"),
    }[kind]
    with our_container.service.client(FixedToken(token)) as client, pytest.raises(ClientAuthenticationError) as refused:
        client.get_container_client(our_container.name).upload_blob("a", b"1")
    assert code(refused.value) == (401, "InvalidAuthenticationInfo")
    assert token not in str(refused.value)


def test_a_user_signs_without_the_accounts_key(our_container: BlobContainer) -> None:
    service, now = our_container.service, datetime.now(UTC)
    our_container.client.upload_blob("a", b"1")
    with service.client(ManagedIdentityCredential()) as client:
        key = client.get_user_delegation_key(now - SOON, now + SOON)
    options: dict[str, Any] = {"user_delegation_key": key, "expiry": now + SOON}
    signature = generate_blob_sas(service.account, our_container.name, "a", permission="r", **options)
    with our_container.signed(signature) as reader:
        assert reader.download_blob("a").readall() == b"1"
        assert refusal(lambda: reader.delete_blob("a")) == (403, "AuthorizationPermissionMismatch")
    key.value = WRONG_KEY
    forged = generate_container_sas(service.account, our_container.name, permission="rl", **options)
    with our_container.signed(forged) as client_:
        assert refusal(lambda: list(client_.list_blobs())) == (403, "AuthenticationFailed")


def test_other_services_sign_for_a_container(our_container: BlobContainer, emulator: RunningEmulator) -> None:
    delegation = Delegation(emulator.settings.state / "blobs" / "delegation-secret")
    signature = container_signature(delegation, our_container.service.account, our_container.name, "rcwl", 1)
    with our_container.signed(signature) as client:
        client.upload_blob("a", b"1")
        assert [blob.name for blob in client.list_blobs()] == ["a"]
        assert refusal(lambda: client.delete_blob("a")) == (403, "AuthorizationPermissionMismatch")


def test_a_key_does_not_get_a_user_delegation_key(our_service: BlobService) -> None:
    now = datetime.now(UTC)
    with our_service.client() as client:
        assert refusal(lambda: client.get_user_delegation_key(now, now + SOON)) == (403, "AuthenticationFailed")


# -- nobody


def test_a_stranger_is_sent_to_sign_in(our_container: BlobContainer) -> None:
    our_container.client.upload_blob("a", b"1")
    with ContainerClient.from_container_url(our_container.client.url, retry_total=0) as stranger:
        assert refusal(lambda: stranger.download_blob("a")) == (401, "NoAuthenticationInformation")
        assert refusal(lambda: list(stranger.list_blobs())) == (401, "NoAuthenticationInformation")


def test_everybody_reads_a_public_container(our_service: BlobService) -> None:
    with our_service.client() as client:
        open_ = client.create_container("public-container", public_access=PublicAccess.CONTAINER)
        blobs = client.create_container("public-blobs", public_access=PublicAccess.BLOB)
        for container in (open_, blobs):
            container.upload_blob("a", b"1")
        with ContainerClient.from_container_url(open_.url, retry_total=0) as stranger:
            assert [blob.name for blob in stranger.list_blobs()] == ["a"]
            assert refusal(lambda: stranger.upload_blob("b", b"1")) == (401, "NoAuthenticationInformation")
        with ContainerClient.from_container_url(blobs.url, retry_total=0) as stranger:
            assert stranger.download_blob("a").readall() == b"1"
            assert refusal(lambda: list(stranger.list_blobs())) == (401, "NoAuthenticationInformation")
        for container in (open_, blobs):
            container.delete_container()


def test_an_account_can_forbid_public_containers(storage_accounts: StorageAccounts) -> None:
    service = storage_accounts.create("blobprivate")
    with service.client() as client:
        assert refusal(lambda: client.create_container("a", public_access=PublicAccess.BLOB)) == (
            409,
            "PublicAccessNotPermitted",
        )
    assert storage_accounts.delete(service.account) == 200
