"""The Blob service's contents for the emulator's other services: no HTTP, no credentials."""

from __future__ import annotations

import io
import mimetypes
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, BinaryIO

from emulator.entra.directory import SERVICE
from emulator.settings import TENANT_ID
from emulator.storage import tables
from emulator.storage.blob_database import BlobDatabase
from emulator.storage.blobs import Blobs
from emulator.storage.blocks import Blocks
from emulator.storage.checksums import encode
from emulator.storage.containers import Containers, ContainerWatch
from emulator.storage.content import ContentFiles
from emulator.storage.delegation import Delegation
from emulator.storage.errors import StorageError
from emulator.storage.records import APPEND_BLOB, BLOCK_BLOB, Blob, BlobKey
from emulator.storage.sas import VERSION, delegated_signature

BLOCK_LIFE_SECONDS = 7 * 24 * 3600
CLOCK_SLACK_SECONDS = 300
PAGE = 1000


class BlobStore:
    """Blobs by account, container and name. What it has written is on disk when it returns.

    Containers are made as they are written to. A missing container or blob is a `StorageError` with code
    ContainerNotFound or BlobNotFound. The service's own operations use `containers`, `blobs` and `blocks`, which know
    conditions and leases.
    """

    def __init__(self, directory: Path, watch: ContainerWatch) -> None:
        self._database = BlobDatabase(directory / "blobs.db")
        self._contents = ContentFiles(directory / "content")
        self.delegation = Delegation(directory / "delegation-secret")
        self.containers = Containers(self._database, self._contents, watch)
        self.blobs = Blobs(self._database, self._contents)
        self.blocks = Blocks(self.blobs)

    @property
    def contents(self) -> ContentFiles:
        """The files that hold the bytes."""
        return self._contents

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def reconcile(self) -> int:
        """Removes staged blocks older than a week and contents without a row; returns how many contents went."""
        with self._database.writing() as connection:
            tables.remove_old_blocks(connection, time.time() - BLOCK_LIFE_SECONDS)
        with self._database.reading() as connection:
            kept = tables.all_contents(connection)
        return self._contents.discard_all_but(kept)

    # -- writing

    def put(self, account: str, container: str, name: str, source: IO[bytes], content_type: str | None = None) -> Blob:
        """Writes a stream as a block blob; without a content type it is guessed from the name."""
        self.containers.ensure(account, container)
        content = self._contents.write(source)
        kind = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {"content-type": kind, "content-md5": encode(content.md5)}
        draft = Blob(0, name, BLOCK_BLOB, content.name, content.size, headers=headers)
        return self.blobs.commit(BlobKey(account, container, name), draft)

    def put_bytes(self, account: str, container: str, name: str, data: bytes, content_type: str | None = None) -> Blob:
        """Writes bytes as a block blob."""
        return self.put(account, container, name, io.BytesIO(data), content_type)

    def put_file(self, account: str, container: str, name: str, path: Path, content_type: str | None = None) -> Blob:
        """Copies a file into a block blob."""
        with path.open("rb") as source:
            return self.put(account, container, name, source, content_type)

    def copy(self, account: str, source: tuple[str, str], target: tuple[str, str]) -> Blob:
        """Copies a blob within an account; both are (container, name)."""
        self.containers.ensure(account, target[0])
        return self.blobs.copy(BlobKey(account, *source), BlobKey(account, *target), as_new)

    def delete(self, account: str, container: str, name: str) -> bool:
        """Removes a blob; False when there was none."""
        try:
            self.blobs.delete(BlobKey(account, container, name))
        except StorageError as error:
            if error.status != 404:
                raise
            return False
        return True

    # -- reading

    def exists(self, account: str, container: str, name: str) -> bool:
        """Whether there is such a blob."""
        found = self.containers.find(account, container)
        return found is not None and self.blobs.find(BlobKey(account, container, name)) is not None

    def get(self, account: str, container: str, name: str) -> Blob:
        """What is known of a blob."""
        return self.blobs.get(BlobKey(account, container, name))

    def open(self, account: str, container: str, name: str) -> BinaryIO:
        """A blob for reading; later writes do not change what is read."""
        blob, file = self.blobs.open(BlobKey(account, container, name))
        if blob.type != APPEND_BLOB:
            return file
        with file:
            return io.BytesIO(file.read(blob.size))

    def read(self, account: str, container: str, name: str) -> bytes:
        """The bytes of a blob."""
        with self.open(account, container, name) as file:
            return file.read()

    def path(self, account: str, container: str, name: str) -> Path:
        """The file of a blob: read-only and never written again, but gone once the blob is replaced; `export`
        outlives that.

        Of an append blob only the first `size` bytes count, and it may grow.
        """
        return self._contents.path(self.get(account, container, name).content)

    def export(self, account: str, container: str, name: str, target: Path) -> None:
        """Puts a blob at `target` for good: as a hard link to its read-only file where that works, else as a copy."""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        blob, file = self.blobs.open(BlobKey(account, container, name))
        with file:
            if blob.type == BLOCK_BLOB and linked(self._contents.path(blob.content), target):
                return
            with target.open("wb") as copy:
                shutil.copyfileobj(file, copy)
                copy.truncate(blob.size)

    def list(self, account: str, container: str, prefix: str = "") -> Iterator[Blob]:
        """Blobs whose name begins with a prefix, in order of name."""
        found, start = self.containers.get(account, container), ""
        while page := self.blobs.page(found, prefix, start, PAGE):
            yield from page
            start = page[-1].name + "\0"

    # -- access for others

    def sas(self, account: str, container: str, permissions: str, hours: float, signer: str = SERVICE.object_id) -> str:
        """A shared access signature for a container, as a query string without `?`.

        It is signed with a user delegation key, so it works whether or not the account allows its own keys.

        Args:
            permissions: letters in Azure's order, such as `rcwl`.
            hours: how long it is valid, at most seven days.
            signer: whose key it is; what their roles do not allow, it does not allow either.
        """
        return container_signature(self.delegation, account.lower(), container, permissions, hours, signer)


def container_signature(
    delegation: Delegation,
    account: str,
    container: str,
    permissions: str,
    hours: float,
    signer: str = SERVICE.object_id,
) -> str:
    """What `BlobStore.sas` says; needs the delegation secret alone."""
    start, seconds = time.time() - CLOCK_SLACK_SECONDS, hours * 3600
    key = delegation.key(signer, TENANT_ID, start, seconds + CLOCK_SLACK_SECONDS, VERSION)
    return delegated_signature(account, container, permissions, seconds, key, delegation.value(account, key))


def as_new(source: Blob) -> Blob:
    """The draft of a copy: everything but lease and history."""
    kept = {"headers": source.headers, "metadata": source.metadata, "blocks": source.blocks, "tier": source.tier}
    return replace(Blob(0, "", source.type, source.content, source.size), **kept)  # type: ignore[arg-type]


def linked(source: Path, target: Path) -> bool:
    """Whether a hard link could be made."""
    try:
        os.link(source, target)
    except OSError:
        return False
    return True
