"""Blob storage as a workspace uses it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import ServiceError
from emulator.resource_id import ResourceId
from emulator.service import Emulator
from emulator.settings import BLOB_SUFFIX, DFS_SUFFIX
from emulator.storage.accounts import ACCOUNT_TYPE
from emulator.storage.blob_store import BlobStore
from emulator.storage.service import StorageService
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.machine_learning.locations import Location

READ_ONLY = 0o444


class WorkspaceStorage:
    """Containers, blobs and tokens of the storage accounts that workspaces name."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @property
    def blobs(self) -> BlobStore:
        """The blob service's contents."""
        return self.emulator.services.get(StorageService).blobs

    def account_name(self, resource_id: str) -> str:
        """The name of an account by its ARM id."""
        return ResourceId.parse(resource_id).name

    def account_of_host(self, host: str) -> str | None:
        """The account behind `<account>.blob.core.localhost:port`, None for any other host."""
        name, _, suffix = host.lower().rpartition(":")[0].partition(".") if ":" in host else host.lower().partition(".")
        return name if suffix in (BLOB_SUFFIX, DFS_SUFFIX) and self._find(name) else None

    def account_key(self, account: str) -> str:
        """The first key of an account.

        Raises:
            ServiceError: 404, there is no such account.
        """
        found = self._find(account)
        if found is None:
            raise ServiceError(404, "StorageAccountNotFound", f"The storage account '{account}' does not exist.")
        return str(found.private["keys"][0])

    def url(self, account: str, container: str) -> str:
        """The URL of a container."""
        return f"https://{account}.blob.{self.emulator.settings.storage_suffix()}/{container}"

    def token(self, account: str, container: str, permissions: str, hours: float) -> str:
        """A shared access signature for a container."""
        return self.blobs.sas(account, container, permissions, hours)

    def ensure_container(self, account: str, container: str) -> None:
        """Makes a container unless it is there."""
        self.blobs.containers.ensure(account, container)

    def delete_container(self, account: str, container: str) -> None:
        """Removes a container with all its blobs."""
        if self.blobs.containers.find(account, container):
            self.blobs.containers.delete(account, container)

    def is_blob(self, location: Location) -> bool:
        """Whether there is a blob of exactly this name."""
        return bool(location.path) and self.blobs.exists(location.account, location.container, location.path)

    def below(self, location: Location) -> list[str]:
        """Names of all blobs below a path, relative to it; empty when there is nothing, or no such container."""
        prefix = f"{location.path}/" if location.path else ""
        if self.blobs.containers.find(location.account, location.container) is None:
            return []
        found = self.blobs.list(location.account, location.container, prefix)
        # A folder of a hierarchical account is an empty blob that says so.
        return [blob.name.removeprefix(prefix) for blob in found if blob.metadata.get("hdi_isfolder") != "true"]

    def read(self, location: Location) -> bytes:
        """The bytes of a blob.

        Raises:
            FileNotFoundError: there is none.
        """
        self._require(location)
        return self.blobs.read(location.account, location.container, location.path)

    def fetch(self, location: Location, target: Path) -> None:
        """Copies a blob into a file of its own.

        Raises:
            FileNotFoundError: there is none.
        """
        self._require(location)
        with self.blobs.open(location.account, location.container, location.path) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)

    def fetch_read_only(self, location: Location, target: Path) -> None:
        """Brings a blob to a path where it is only read.

        A hard link costs nothing, but root could write through it into the blob: for root it is a copy.

        Raises:
            FileNotFoundError: there is none.
        """
        self._require(location)
        if os.geteuid() != 0:
            self.blobs.export(location.account, location.container, location.path, target)
            return
        self.fetch(location, target)
        target.chmod(READ_ONLY)

    def upload(self, file: Path, location: Location) -> None:
        """Writes a file as a blob."""
        self.blobs.put_file(location.account, location.container, location.path, file)

    def _require(self, location: Location) -> None:
        if not self.is_blob(location):
            raise FileNotFoundError(
                f"there is no blob '{location.path}' in container '{location.container}' of '{location.account}'"
            )

    def _find(self, account: str) -> Document | None:
        return next(
            (one for one in self.emulator.store.of_type(ACCOUNT_TYPE) if one.name.lower() == account.lower()), None
        )
