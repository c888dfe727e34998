"""Lists of blobs: prefixes, folders, pages, what they show."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobPrefix, BlobProperties

from tests.contract.blob_service import BlobContainer, code

NAMES = ["a/1", "a/2", "a/b/3", "a/b/4", "a0", "b/5", "c"]


@pytest.fixture
def filled(container: BlobContainer) -> BlobContainer:
    for name in NAMES:
        container.client.upload_blob(name, name.encode(), metadata={"length": str(len(name))})
    return container


def test_blobs_are_listed_in_order_with_their_properties(filled: BlobContainer) -> None:
    blobs = list(filled.client.list_blobs())
    assert [blob.name for blob in blobs] == NAMES
    for blob in blobs:
        found = filled.client.get_blob_client(blob.name).get_blob_properties()
        assert (blob.size, blob.last_modified, blob.creation_time) == (
            len(blob.name),
            found.last_modified,
            found.creation_time,
        )
        assert blob.etag.strip('"') == found.etag.strip('"')
        assert blob.content_settings.content_md5 == found.content_settings.content_md5
        assert blob.metadata in (None, {})


def test_metadata_is_listed_when_asked_for(filled: BlobContainer) -> None:
    blobs = list(filled.client.list_blobs(include=["metadata"]))
    assert [blob.metadata for blob in blobs] == [{"length": str(len(name))} for name in NAMES]


@pytest.mark.parametrize("prefix", ["a", "a/", "a/b/", "c", "nothing"])
def test_a_prefix_narrows_a_list(filled: BlobContainer, prefix: str) -> None:
    names = [blob.name for blob in filled.client.list_blobs(name_starts_with=prefix)]
    assert names == [name for name in NAMES if name.startswith(prefix)]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_list_comes_in_pages(filled: BlobContainer, size: int) -> None:
    pages = [[blob.name for blob in page] for page in filled.client.list_blobs(results_per_page=size).by_page()]
    assert [name for page in pages for name in page] == NAMES
    assert all(len(page) == size for page in pages[:-1])
    assert len(pages) == -(-len(NAMES) // size)


def test_a_page_can_be_taken_up_later(filled: BlobContainer) -> None:
    first: Any = filled.client.list_blobs(results_per_page=3).by_page()
    assert [blob.name for blob in next(first)] == NAMES[:3]
    token = first.continuation_token
    rest = filled.client.list_blobs(results_per_page=3).by_page(token)
    assert [blob.name for page in rest for blob in page] == NAMES[3:]


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("", ["a/", "a0", "b/", "c"]), ("a/", ["a/1", "a/2", "a/b/"]), ("a/b", ["a/b/"]), ("a/b/", ["a/b/3", "a/b/4"])],
)
def test_folders_are_shown_in_place_of_what_is_in_them(
    filled: BlobContainer, prefix: str, expected: list[str], size: int
) -> None:
    pages = filled.client.walk_blobs(name_starts_with=prefix, results_per_page=size).by_page()
    entries = [entry for page in pages for entry in page]
    # The client sorts the folders of a page behind its blobs.
    assert sorted(entry.name for entry in entries) == expected
    assert {entry.name for entry in entries if isinstance(entry, BlobPrefix)} == {
        n for n in expected if n.endswith("/")
    }
    assert all(isinstance(entry, BlobProperties | BlobPrefix) for entry in entries)


def test_a_list_can_begin_anywhere_a_page_ended_only(our_container: BlobContainer) -> None:
    with pytest.raises(HttpResponseError) as refused:
        next(our_container.client.list_blobs().by_page("made up"))
    assert code(refused.value) == (400, "InvalidQueryParameterValue")


def test_names_sort_by_code_point(container: BlobContainer) -> None:
    names = ["Z", "a", "~", "é", "雪", "\U0001f6b2"]
    for name in reversed(names):
        container.client.upload_blob(name, b"")
    assert [blob.name for blob in container.client.list_blobs()] == names


def test_what_a_list_cannot_show_is_said(our_container: BlobContainer) -> None:
    with pytest.raises(HttpResponseError, match="lists that include uncommittedblobs") as refused:
        list(our_container.client.list_blobs(include=["uncommittedblobs"]))
    assert code(refused.value) == (501, "NotSupportedByEmulator")
