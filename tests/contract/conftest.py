"""What the contract tests of the Blob service share: the same test runs against ours and against Azurite."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.conftest import RunningEmulator
from tests.contract import azurite_process
from tests.contract.blob_service import AZURITE, AZURITE_DIFFERS, OURS, BlobContainer, BlobService, StorageAccounts


@pytest.fixture(scope="session")
def storage_accounts(emulator: RunningEmulator) -> Iterator[StorageAccounts]:
    """Storage accounts of the session's emulator."""
    accounts = StorageAccounts(emulator)
    yield accounts
    accounts.client.close()


@pytest.fixture(scope="session")
def our_service(storage_accounts: StorageAccounts) -> Iterator[BlobService]:
    """Our Blob service alone, for what Azurite has not."""
    service = storage_accounts.create("blobcontract", allowBlobPublicAccess=True)
    with service.shared:
        yield service


@pytest.fixture(scope="session")
def azurite_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlobService]:
    """Azurite; where node is, it must come up."""
    if reason := azurite_process.missing_node():
        pytest.skip(reason)
    with azurite_process.azurite(tmp_path_factory.mktemp("azurite")) as endpoint:
        service = BlobService(AZURITE, azurite_process.ACCOUNT, azurite_process.KEY, endpoint)
        with service.shared:
            yield service


@pytest.fixture(params=[OURS, AZURITE])
def service(request: pytest.FixtureRequest) -> BlobService:
    """Each Blob service in turn; what Azurite is known to do otherwise must fail with it."""
    reason = AZURITE_DIFFERS.get(request.node.originalname)
    if reason and request.param == AZURITE:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    found: BlobService = request.getfixturevalue("our_service" if request.param == OURS else "azurite_service")
    return found


@pytest.fixture
def container(service: BlobService) -> Iterator[BlobContainer]:
    """An empty container in each Blob service in turn."""
    yield from new_container(service)


@pytest.fixture
def our_container(our_service: BlobService) -> Iterator[BlobContainer]:
    """An empty container in ours."""
    yield from new_container(our_service)


def new_container(service: BlobService) -> Iterator[BlobContainer]:
    """A container that goes with the test."""
    made = service.shared.create_container(f"test-{uuid.uuid4().hex}")
    yield BlobContainer(service, made)
    with suppress(ResourceNotFoundError):
        made.delete_container()
