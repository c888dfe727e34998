"""Containers: life cycle, metadata, lists."""

from __future__ import annotations

import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.contract.blob_service import BlobContainer, BlobService, code


def test_a_container_comes_and_goes(service: BlobService) -> None:
    client = service.shared
    container = client.get_container_client(f"life-{uuid.uuid4().hex}")
    assert not container.exists()
    created = container.create_container(metadata={"purpose": "test"})
    assert container.exists()
    properties = container.get_container_properties()
    assert properties.etag == created["etag"]
    assert properties.metadata == {"purpose": "test"}
    assert properties.lease.state == "available"
    container.delete_container()
    assert not container.exists()


def test_a_second_creation_is_refused(container: BlobContainer) -> None:
    with pytest.raises(ResourceExistsError) as refused:
        container.client.create_container()
    assert code(refused.value) == (409, "ContainerAlreadyExists")


def test_what_is_not_there_cannot_be_deleted_or_written_to(service: BlobService) -> None:
    client = service.shared
    container = client.get_container_client(f"missing-{uuid.uuid4().hex}")
    with pytest.raises(ResourceNotFoundError) as refused:
        container.delete_container()
    assert code(refused.value) == (404, "ContainerNotFound")
    with pytest.raises(ResourceNotFoundError) as refused:
        container.upload_blob("a", b"1")
    assert code(refused.value) == (404, "ContainerNotFound")
    with pytest.raises(ResourceNotFoundError) as refused:
        list(container.list_blobs())
    assert code(refused.value) == (404, "ContainerNotFound")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("UpperCase", "InvalidResourceName"), ("ab", "OutOfRangeInput"), ("two--hyphens", "InvalidResourceName")],
)
def test_a_bad_name_is_refused(service: BlobService, name: str, expected: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        service.shared.create_container(name)
    assert code(refused.value) == (400, expected)


def test_metadata_is_replaced_whole_and_changes_the_etag(container: BlobContainer) -> None:
    container.client.set_container_metadata({"a": "1", "b": "2"})
    before = container.client.get_container_properties()
    container.client.set_container_metadata({"a": "3"})
    after = container.client.get_container_properties()
    assert before.metadata == {"a": "1", "b": "2"}
    assert after.metadata == {"a": "3"}
    assert after.etag != before.etag


def test_containers_are_listed_by_prefix_in_pages(service: BlobService) -> None:
    prefix = f"page-{uuid.uuid4().hex[:8]}-"
    names = [f"{prefix}{number}" for number in range(5)]
    client = service.shared
    for name in names:
        client.create_container(name, metadata={"number": name[-1]})
    pages = [list(page) for page in client.list_containers(prefix, include_metadata=True, results_per_page=2).by_page()]
    for name in names:
        client.delete_container(name)
    left = list(client.list_containers(prefix))
    assert [[container.name for container in page] for page in pages] == [names[:2], names[2:4], names[4:]]
    assert [container.metadata["number"] for page in pages for container in page] == list("01234")
    assert left == []


def test_a_deleted_container_takes_its_blobs_along(container: BlobContainer) -> None:
    container.client.upload_blob("a", b"1")
    container.client.delete_container()
    with pytest.raises(ResourceNotFoundError) as refused:
        container.client.get_blob_client("a").download_blob()
    assert code(refused.value) == (404, "ContainerNotFound")
    container.client.create_container()
    assert list(container.client.list_blobs()) == []


def test_a_leased_container_is_deleted_by_its_holder_only(container: BlobContainer) -> None:
    lease = container.client.acquire_lease(lease_duration=-1)
    with pytest.raises(HttpResponseError) as refused:
        container.client.delete_container()
    assert code(refused.value) == (412, "LeaseIdMissing")
    assert container.client.get_container_properties().lease.status == "locked"
    container.client.delete_container(lease=lease)
    assert not container.client.exists()


def test_the_kind_of_account_is_told(service: BlobService) -> None:
    client = service.shared
    information = client.get_account_information()
    assert information["account_kind"] == "StorageV2"
