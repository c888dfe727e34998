"""Copies within an account, and leases: the locks of the Blob service."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobSasPermissions, generate_blob_sas

from tests.contract.blob_service import BlobContainer, StorageAccounts, code


def test_a_copy_has_everything_but_the_history(container: BlobContainer) -> None:
    source = container.client.upload_blob("from", b"content", metadata={"a": "1"})
    target = container.client.get_blob_client("folder/to")
    result = target.start_copy_from_url(source.url)
    assert result["copy_status"] == "success"
    source.delete_blob()
    found = target.get_blob_properties()
    assert (found.metadata, found.size, found.copy.id) == ({"a": "1"}, 7, result["copy_id"])
    assert found.copy.status == "success"
    assert target.download_blob().readall() == b"content"


def test_a_copy_can_have_other_metadata(container: BlobContainer) -> None:
    source = container.client.upload_blob("from", b"content", metadata={"a": "1"})
    target = container.client.get_blob_client("to")
    target.start_copy_from_url(source.url, metadata={"b": "2"}, requires_sync=None)
    assert target.get_blob_properties().metadata == {"b": "2"}


def test_what_is_not_there_cannot_be_copied(container: BlobContainer) -> None:
    target = container.client.get_blob_client("to")
    with pytest.raises(ResourceNotFoundError) as refused:
        target.start_copy_from_url(container.client.get_blob_client("missing").url)
    assert code(refused.value) == (404, "BlobNotFound")


def test_a_copied_append_blob_grows_alone(container: BlobContainer) -> None:
    source, target = container.client.get_blob_client("log"), container.client.get_blob_client("copy")
    source.create_append_blob()
    source.append_block(b"one")
    target.start_copy_from_url(source.url)
    source.append_block(b"two")
    target.append_block(b"TWO")
    assert source.download_blob().readall() == b"onetwo"
    assert target.download_blob().readall() == b"oneTWO"


def test_a_copy_from_a_url_is_a_blob_of_its_own(our_container: BlobContainer) -> None:
    source = our_container.client.upload_blob("from", b"content")
    target = our_container.client.get_blob_client("to")
    target.upload_blob_from_url(source.url)
    source.upload_blob(b"changed", overwrite=True)
    assert target.download_blob().readall() == b"content"


def test_another_accounts_blob_is_copied_with_a_signature(
    our_container: BlobContainer, storage_accounts: StorageAccounts
) -> None:
    other = storage_accounts.create("blobcopysource")
    with other.client() as client:
        source = client.create_container("data").upload_blob("from", b"content")
        target = our_container.client.get_blob_client("to")
        with pytest.raises(ResourceNotFoundError) as refused:
            target.start_copy_from_url(source.url)
        assert code(refused.value) == (404, "CannotVerifyCopySource")
        expiry = datetime.now(UTC) + timedelta(hours=1)
        options: dict[str, Any] = {
            "account_key": other.key,
            "permission": BlobSasPermissions(read=True),
            "expiry": expiry,
        }
        target.start_copy_from_url(f"{source.url}?{generate_blob_sas(other.account, 'data', 'from', **options)}")
    assert target.download_blob().readall() == b"content"
    assert storage_accounts.delete("blobcopysource") == 200


# -- leases


def test_a_leased_blob_is_written_by_its_holder_only(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    lease = blob.acquire_lease(lease_duration=60)
    for change in (
        lambda: blob.upload_blob(b"2", overwrite=True),
        lambda: blob.set_blob_metadata({"a": "1"}),
        blob.delete_blob,
    ):
        with pytest.raises(HttpResponseError) as refused:
            change()
        assert code(refused.value) == (412, "LeaseIdMissing")
    with pytest.raises(HttpResponseError) as refused:
        blob.delete_blob(lease=str(uuid.uuid4()))
    assert code(refused.value) == (412, "LeaseIdMismatchWithBlobOperation")
    blob.upload_blob(b"2", overwrite=True, lease=lease)
    found = blob.get_blob_properties()
    assert (found.lease.state, found.lease.status, found.lease.duration) == ("leased", "locked", "fixed")
    assert blob.download_blob().readall() == b"2"


def test_a_lease_is_taken_once(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    lease = blob.acquire_lease(lease_duration=-1)
    with pytest.raises(ResourceExistsError) as refused:
        blob.acquire_lease(lease_duration=-1)
    assert code(refused.value) == (409, "LeaseAlreadyPresent")
    lease.renew()
    lease.change(str(uuid.uuid4()))
    lease.release()
    assert blob.get_blob_properties().lease.state == "available"
    blob.acquire_lease(lease_duration=15).release()


def test_a_lease_can_be_broken(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    lease = blob.acquire_lease(lease_duration=-1)
    assert lease.break_lease(lease_break_period=0) == 0
    assert blob.get_blob_properties().lease.state == "broken"
    with pytest.raises(HttpResponseError) as refused:
        lease.renew()
    assert code(refused.value) == (409, "LeaseIsBrokenAndCannotBeRenewed")
    blob.upload_blob(b"2", overwrite=True)


def test_a_breaking_lease_still_locks(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    lease = blob.acquire_lease(lease_duration=-1)
    assert 50 <= lease.break_lease(lease_break_period=60) <= 60
    assert blob.get_blob_properties().lease.state == "breaking"
    with pytest.raises(HttpResponseError) as refused:
        blob.delete_blob()
    assert code(refused.value) == (412, "LeaseIdMissing")
    blob.delete_blob(lease=lease)


@pytest.mark.parametrize("seconds", [14, 61])
def test_a_fixed_lease_has_15_to_60_seconds(container: BlobContainer, seconds: int) -> None:
    blob = container.client.upload_blob("a", b"1")
    with pytest.raises(HttpResponseError) as refused:
        blob.acquire_lease(lease_duration=seconds)
    assert code(refused.value) == (400, "InvalidHeaderValue")
