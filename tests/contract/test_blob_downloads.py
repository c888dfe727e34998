"""Downloads: ranges, conditions, and readers that writers do not disturb."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError

from tests.contract.blob_service import BlobContainer, code

DATA = bytes(range(100))
HOUR = timedelta(hours=1)


def test_a_range_is_a_part(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", DATA)
    part = blob.download_blob(offset=10, length=5)
    assert part.readall() == DATA[10:15]
    assert (part.size, part.properties.content_range) == (5, "bytes 10-14/100")
    assert blob.download_blob(offset=95, length=50).readall() == DATA[95:]
    assert blob.download_blob(offset=99).readall() == DATA[99:]


def test_a_range_behind_the_end_is_refused(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", DATA)
    with pytest.raises(HttpResponseError) as refused:
        blob.download_blob(offset=100, length=1)
    assert code(refused.value) == (416, "InvalidRange")


def test_an_empty_blob_is_read(container: BlobContainer) -> None:
    assert container.client.upload_blob("a", b"").download_blob().readall() == b""


def test_a_missing_blob_is_not_found(container: BlobContainer) -> None:
    with pytest.raises(ResourceNotFoundError) as refused:
        container.client.download_blob("missing")
    assert code(refused.value) == (404, "BlobNotFound")


def test_a_download_in_parts_is_checked_and_whole(container: BlobContainer) -> None:
    data = os.urandom(3 * 1024 * 1024 + 5)
    container.client.upload_blob("a", data)
    with container.service.client(max_single_get_size=1024 * 1024, max_chunk_get_size=512 * 1024) as client:
        download = client.get_blob_client(container.name, "a").download_blob(validate_content=True, max_concurrency=2)
        assert download.readall() == data
        md5 = download.properties.content_settings.content_md5
    assert bytes(md5 or b"") == hashlib.md5(data).digest()


def test_a_download_in_parts_notices_an_overwrite(container: BlobContainer) -> None:
    container.client.upload_blob("a", os.urandom(2048))
    with container.service.client(max_single_get_size=1024, max_chunk_get_size=1024) as client:
        download = client.get_blob_client(container.name, "a").download_blob()
        container.client.upload_blob("a", os.urandom(2048), overwrite=True)
        with pytest.raises(ResourceModifiedError) as refused:
            download.readall()
    assert code(refused.value) == (412, "ConditionNotMet")


# -- conditions


def test_a_write_names_the_version_it_replaces(container: BlobContainer) -> None:
    blob = container.client.get_blob_client("a")
    first = blob.upload_blob(b"1")["etag"]
    second = blob.upload_blob(b"2", etag=first, match_condition=MatchConditions.IfNotModified, overwrite=True)["etag"]
    for change in (
        lambda: blob.upload_blob(b"3", etag=first, match_condition=MatchConditions.IfNotModified, overwrite=True),
        lambda: blob.set_blob_metadata({"a": "1"}, etag=first, match_condition=MatchConditions.IfNotModified),
        lambda: blob.delete_blob(etag=first, match_condition=MatchConditions.IfNotModified),
        lambda: blob.delete_blob(etag=second, match_condition=MatchConditions.IfModified),
    ):
        with pytest.raises(ResourceModifiedError) as refused:
            change()
        assert code(refused.value) == (412, "ConditionNotMet")
    assert blob.download_blob().readall() == b"2"
    assert blob.get_blob_properties().etag == second
    blob.delete_blob(etag=second, match_condition=MatchConditions.IfNotModified)
    assert not blob.exists()


def test_a_version_cannot_be_replaced_where_there_is_none(container: BlobContainer) -> None:
    with pytest.raises(ResourceModifiedError) as refused:
        container.client.upload_blob("a", b"1", match_condition=MatchConditions.IfPresent, overwrite=True)
    assert code(refused.value) == (412, "ConditionNotMet")
    assert not container.client.get_blob_client("a").exists()


def test_a_read_can_be_spared(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    etag = blob.get_blob_properties().etag
    with pytest.raises(HttpResponseError) as refused:
        blob.get_blob_properties(etag=etag, match_condition=MatchConditions.IfModified)
    assert refused.value.status_code == 304
    with pytest.raises(HttpResponseError) as refused:
        blob.download_blob(if_modified_since=datetime.now(UTC) + HOUR)
    assert refused.value.status_code == 304
    assert blob.download_blob(if_modified_since=datetime.now(UTC) - HOUR).readall() == b"1"


def test_a_read_can_insist_on_a_version(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    with pytest.raises(ResourceModifiedError) as refused:
        blob.download_blob(etag='"0x1"', match_condition=MatchConditions.IfNotModified)
    assert code(refused.value) == (412, "ConditionNotMet")
    with pytest.raises(ResourceModifiedError) as refused:
        blob.download_blob(if_unmodified_since=datetime.now(UTC) - HOUR)
    assert code(refused.value) == (412, "ConditionNotMet")


def test_a_write_can_depend_on_time(container: BlobContainer) -> None:
    blob = container.client.upload_blob("a", b"1")
    with pytest.raises(ResourceModifiedError) as refused:
        blob.upload_blob(b"2", overwrite=True, if_unmodified_since=datetime.now(UTC) - HOUR)
    assert code(refused.value) == (412, "ConditionNotMet")
    with pytest.raises(ResourceModifiedError) as refused:
        blob.upload_blob(b"2", overwrite=True, if_modified_since=datetime.now(UTC) + HOUR)
    assert code(refused.value) == (412, "ConditionNotMet")
    assert blob.download_blob().readall() == b"1"
