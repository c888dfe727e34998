"""The storage service: ARM types, the Blob endpoint, and the blobs themselves for the emulator's other services."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from emulator.http import Request, Response
from emulator.service import Emulator, ResourceType, Route, Service
from emulator.settings import BLOB_SUFFIX, DFS_SUFFIX, QUEUE_SUFFIX
from emulator.storage.account_type import StorageAccount
from emulator.storage.accounts import ACCOUNT_TYPE, Account, Accounts
from emulator.storage.authorization import Authorizer
from emulator.storage.blob_store import BlobStore
from emulator.storage.container_types import (
    CONTAINER_TYPE,
    BlobContainer,
    BlobServices,
    DocumentedContainers,
    ManagementPolicy,
)
from emulator.storage.data_plane import DataPlane

logger = logging.getLogger(__name__)


class StorageService(Service):
    """`blobs` is the `BlobStore`, which other services read and write too."""

    name = "storage"
    hosts = (f"*.{BLOB_SUFFIX}", f"*.{DFS_SUFFIX}", f"*.{QUEUE_SUFFIX}")

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.accounts = Accounts()
        self.documented = DocumentedContainers(emulator.store, self.accounts)
        self.blobs = BlobStore(emulator.settings.directory("blobs"), self.documented)
        authorizer = Authorizer(emulator.settings, emulator.tokens, self.blobs.delegation, emulator.access)
        self.data_plane = DataPlane(self.blobs, self.accounts, authorizer)

    def routes(self) -> Sequence[Route]:
        return (
            Route(f"*.{BLOB_SUFFIX}", r"(?s:.*)", self.data_plane.answer, bearer=False),
            Route(f"*.{DFS_SUFFIX}", r"(?s:.*)", no_lake, bearer=False),
            Route(f"*.{QUEUE_SUFFIX}", r"(?s:.*)", no_queues, bearer=False),
        )

    def resource_types(self) -> Sequence[ResourceType]:
        return (
            StorageAccount(self.emulator, self.accounts, self.blobs),
            BlobServices(self.emulator.store),
            BlobContainer(self.accounts, self.blobs),
            ManagementPolicy(),
        )

    def reconcile(self) -> None:
        """Takes up the accounts, brings documents and containers together, removes what no row names."""
        for document in self.emulator.store.of_type(ACCOUNT_TYPE):
            self.accounts.keep(Account.from_document(document))
        orphans = self.blobs.reconcile()
        if orphans:
            logger.info("removed %d contents that no blob names", orphans)
        for container in self.blobs.containers.all():
            if self.accounts.find(container.account) is None:
                self.blobs.containers.delete_all(container.account)
            else:
                self.documented.created(container)
        for document in self.emulator.store.of_type(CONTAINER_TYPE):
            self.blobs.containers.ensure(document.resource.names[0], document.name)

    def stop(self) -> None:
        self.blobs.close()


def no_lake(request: Request) -> Response:
    """What the dfs endpoint says, which every account names among its own, in the shape of its errors."""
    blob = request.base_url.replace(f".{DFS_SUFFIX}", f".{BLOB_SUFFIX}")
    return unserved(f"The dfs endpoint of a data lake is not served by the emulator: its files are blobs at {blob}.")


def no_queues(request: Request) -> Response:
    """The same of the queue endpoint: queues are declared, and hold nothing."""
    return unserved("The queue endpoint of a storage account is not served by the emulator: its queues hold nothing.")


def unserved(message: str) -> Response:
    """501 in the shape of a storage service's errors."""
    error = {"error": {"code": "NotSupportedByEmulator", "message": message}}
    return Response.json(error, 501, {"x-ms-error-code": "NotSupportedByEmulator"})
