"""Uploads: whole blobs, blocks, appended blocks; names, properties, checksums."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlobType, ContentSettings, StandardBlobTier

from tests.contract.blob_service import BlobContainer, code

NAMES = ["plain.txt", "folder/sub/file.bin", "a b+c%20d&e=f#g?h.txt", "größe/雪/🚲.txt", "dots..and~tilde", "trailing/"]


@pytest.mark.parametrize("name", NAMES)
def test_a_blob_is_found_under_any_name(container: BlobContainer, name: str) -> None:
    container.client.upload_blob(name, name.encode())
    assert container.client.download_blob(name).readall() == name.encode()
    assert [blob.name for blob in container.client.list_blobs()] == [name]


def test_properties_and_metadata_are_kept(container: BlobContainer) -> None:
    settings = ContentSettings("text/csv", "identity", "en", "inline", "no-store")
    blob = container.client.get_blob_client("table.csv")
    written = blob.upload_blob(b"a,b\n", content_settings=settings, metadata={"rows": "0", "source": "test"})
    found = blob.get_blob_properties()
    assert (found.size, found.etag, found.blob_type) == (4, written["etag"], BlobType.BLOCKBLOB)
    assert found.metadata == {"rows": "0", "source": "test"}
    assert found.content_settings.content_type == "text/csv"
    assert found.content_settings.content_encoding == "identity"
    assert found.content_settings.content_language == "en"
    assert found.content_settings.content_disposition == "inline"
    assert found.content_settings.cache_control == "no-store"
    assert bytes(found.content_settings.content_md5 or b"") == hashlib.md5(b"a,b\n").digest()
    assert found.creation_time <= found.last_modified


def test_a_blob_without_a_type_is_a_stream_of_octets(container: BlobContainer) -> None:
    container.client.upload_blob("a", b"")
    found = container.client.get_blob_client("a").get_blob_properties()
    assert (found.size, found.content_settings.content_type) == (0, "application/octet-stream")


def test_overwriting_has_to_be_asked_for(container: BlobContainer) -> None:
    container.client.upload_blob("a", b"old", metadata={"kept": "no"})
    with pytest.raises(ResourceExistsError) as refused:
        container.client.upload_blob("a", b"new")
    assert code(refused.value) == (409, "BlobAlreadyExists")
    before = container.client.get_blob_client("a").get_blob_properties()
    container.client.upload_blob("a", b"newer", overwrite=True)
    after = container.client.get_blob_client("a").get_blob_properties()
    assert container.client.download_blob("a").readall() == b"newer"
    assert after.etag != before.etag
    assert after.metadata == {}


def test_properties_and_metadata_can_be_changed_alone(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1", metadata={"a": "1"})
    blob.set_http_headers(ContentSettings("application/json"))
    blob.set_blob_metadata({"b": "2"})
    found = blob.get_blob_properties()
    assert found.content_settings.content_type == "application/json"
    assert found.content_settings.content_encoding is None
    assert found.metadata == {"b": "2"}
    assert blob.download_blob().readall() == b"1"


def test_the_access_tier_can_be_changed(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    blob.set_standard_blob_tier(StandardBlobTier.COOL)
    assert blob.get_blob_properties().blob_tier == "Cool"


def test_a_body_that_is_not_what_its_md5_says_is_refused(container: BlobContainer) -> None:
    container.client.upload_blob("good", b"12345", validate_content=True)
    wrong = {"Content-MD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()}
    with pytest.raises(HttpResponseError) as refused:
        container.client.upload_blob("bad", b"12345", headers=wrong)
    assert code(refused.value) == container.service.refusal("a Put Blob with a wrong MD5", 400, "Md5Mismatch")
    assert not container.client.get_blob_client("bad").exists()


def test_what_is_deleted_is_gone(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    blob.delete_blob(delete_snapshots="include")
    assert not blob.exists()
    with pytest.raises(ResourceNotFoundError) as refused:
        blob.delete_blob()
    assert code(refused.value) == (404, "BlobNotFound")
    with pytest.raises(ResourceNotFoundError) as refused:
        blob.get_blob_properties()
    assert code(refused.value) == (404, "BlobNotFound")


# -- blocks


def test_a_large_upload_goes_in_blocks(container: BlobContainer) -> None:
    data = os.urandom(5 * 1024 * 1024 + 17)
    options = {"max_single_put_size": 64 * 1024, "max_block_size": 1024 * 1024}
    with container.service.client(**options) as client:
        blob = client.get_blob_client(container.name, "large")
        blob.upload_blob(data, max_concurrency=3)
        committed, staged = blob.get_block_list("all")
    assert container.client.download_blob("large").readall() == data
    assert ([block.size for block in committed], staged) == ([1024 * 1024] * 5 + [17], [])


def test_staged_blocks_are_seen_once_they_are_committed(container: BlobContainer) -> None:
    blob = container.client.get_blob_client("a")
    for name, data in (("1", b"one"), ("2", b"two"), ("3", b"three")):
        blob.stage_block(name, data)
    assert not blob.exists()
    assert list(container.client.list_blobs()) == []
    assert [block.id for block in blob.get_block_list("uncommitted")[1]] == ["1", "2", "3"]
    blob.commit_block_list([BlobBlock("3"), BlobBlock("1")], metadata={"by": "blocks"})
    assert blob.download_blob().readall() == b"threeone"
    assert blob.get_blob_properties().metadata == {"by": "blocks"}
    assert blob.get_block_list("uncommitted")[1] == []


def test_committed_blocks_can_be_used_again(container: BlobContainer) -> None:
    blob = container.client.get_blob_client("a")
    blob.stage_block("1", b"one")
    blob.stage_block("2", b"two")
    blob.commit_block_list([BlobBlock("1"), BlobBlock("2")])
    blob.stage_block("2", b"TWO")
    blob.stage_block("3", b"three")
    blob.commit_block_list([BlobBlock("3"), BlobBlock("2"), BlobBlock("1")])
    assert blob.download_blob().readall() == b"threeTWOone"


def test_a_block_that_is_not_there_cannot_be_committed(container: BlobContainer) -> None:
    blob = container.client.get_blob_client("a")
    blob.stage_block("1", b"one")
    with pytest.raises(HttpResponseError) as refused:
        blob.commit_block_list([BlobBlock("1"), BlobBlock("9")])
    assert code(refused.value) == (400, "InvalidBlockList")
    assert not blob.exists()
    blob.commit_block_list([BlobBlock("1")])
    assert blob.download_blob().readall() == b"one"


def test_an_upload_drops_what_was_staged(container: BlobContainer) -> None:
    blob = container.client.get_blob_client("a")
    blob.stage_block("1", b"one")
    blob.upload_blob(b"whole", overwrite=True)
    with pytest.raises(HttpResponseError) as refused:
        blob.commit_block_list([BlobBlock("1")])
    assert code(refused.value) == (400, "InvalidBlockList")
    assert blob.download_blob().readall() == b"whole"


# -- append blobs


def test_an_append_blob_grows(container: BlobContainer) -> None:
    blob = container.client.get_blob_client("log")
    blob.create_append_blob(metadata={"kind": "log"})
    first = blob.append_block(b"one\n")
    second = blob.append_block(b"two\n")
    assert (str(first["blob_append_offset"]), str(second["blob_append_offset"])) == ("0", "4")
    assert second["blob_committed_block_count"] == 2
    assert blob.download_blob().readall() == b"one\ntwo\n"
    found = blob.get_blob_properties()
    assert (found.size, found.blob_type, found.metadata) == (8, BlobType.APPENDBLOB, {"kind": "log"})


def test_an_append_can_name_its_position_and_a_limit(container: BlobContainer) -> None:
    blob = container.client.get_blob_client("log")
    blob.create_append_blob()
    blob.append_block(b"1234", appendpos_condition=0)
    with pytest.raises(HttpResponseError) as refused:
        blob.append_block(b"5678", appendpos_condition=0)
    assert code(refused.value) == (412, "AppendPositionConditionNotMet")
    with pytest.raises(HttpResponseError) as refused:
        blob.append_block(b"5678", maxsize_condition=7)
    assert code(refused.value) == (412, "MaxBlobSizeConditionNotMet")
    assert blob.download_blob().readall() == b"1234"


def test_blob_types_do_not_mix(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    with pytest.raises(HttpResponseError) as refused:
        blob.append_block(b"2")
    assert code(refused.value) == (409, "InvalidBlobType")
    log = container.client.get_blob_client("log")
    log.create_append_blob()
    with pytest.raises(HttpResponseError) as refused:
        log.stage_block("1", b"1")
    assert code(refused.value) == (409, "InvalidBlobType")
    log.upload_blob(b"whole", overwrite=True)
    assert log.get_blob_properties().blob_type == BlobType.BLOCKBLOB


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        (lambda blob: blob.create_page_blob(512), "blobs of type PageBlob"),
        (lambda blob: blob.upload_blob(b"1", tags={"a": "1"}), "blob index tags"),
        (lambda blob: blob.create_snapshot(), "PUT with comp=snapshot on a blob"),
        (lambda blob: blob.undelete_blob(), "PUT with comp=undelete on a blob"),
        (lambda blob: blob.upload_blob(b"1", encryption_scope="scope"), "encryption scopes"),
    ],
)
def test_what_is_not_supported_is_named(
    our_container: BlobContainer, call: Callable[[BlobClient], object], missing: str
) -> None:
    blob = our_container.client.get_blob_client("a")
    with pytest.raises(HttpResponseError, match=missing) as refused:
        call(blob)
    assert code(refused.value) == (501, "NotSupportedByEmulator")
    assert not blob.exists()
