"""Blobs of every container: committed whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from sqlite3 import Connection
from typing import BinaryIO

from emulator.storage import tables
from emulator.storage.blob_database import BlobDatabase
from emulator.storage.content import ContentFiles, Piece
from emulator.storage.errors import StorageError
from emulator.storage.records import APPEND_BLOB, Blob, BlobKey, Container

LONGEST_NAME = 1024
Check = Callable[[Blob | None], None]
SourceCheck = Callable[[Blob], None]
Change = Callable[[Blob], Blob]


@dataclass(frozen=True)
class Place:
    """Where a blob is written, inside a transaction: its container, and what has its name now."""

    connection: Connection
    container: Container
    blob: Blob | None


def no_check(blob: Blob | None) -> None:
    """Lets every request pass."""


class Blobs:
    """Reads, writes and removes blobs.

    A `check` sees the blob as it is inside the transaction and raises to refuse the write. Every method raises 404
    ContainerNotFound.
    """

    def __init__(self, database: BlobDatabase, contents: ContentFiles) -> None:
        self.database = database
        self.contents = contents

    # -- reading

    def find(self, key: BlobKey) -> Blob | None:
        """The blob, None when there is none."""
        with self.database.reading() as connection:
            container = require_container(connection, key)
            return tables.find_blob(connection, container.id, key.name)

    def get(self, key: BlobKey) -> Blob:
        """The blob; 404 BlobNotFound."""
        blob = self.find(key)
        if blob is None:
            raise StorageError("BlobNotFound")
        return blob

    def open(self, key: BlobKey) -> tuple[Blob, BinaryIO]:
        """The blob with its open content, which no later write changes; 404 BlobNotFound."""
        while True:
            blob = self.get(key)
            try:
                return blob, self.contents.open(blob.content)
            except FileNotFoundError:
                # Replaced between the two steps. Where the row still names it, the content is lost: that must be heard.
                if self.get(key).content == blob.content:
                    raise

    def page(self, container: Container, prefix: str, start: str, limit: int) -> list[Blob]:
        """Blobs in order of name, from `start` on."""
        with self.database.reading() as connection:
            return tables.blobs_from(connection, container.id, prefix, start, limit)

    # -- writing

    def commit(self, key: BlobKey, draft: Blob, check: Check = no_check) -> Blob:
        """Makes a written content the blob of this name; staged blocks of the name go.

        Args:
            draft: type, content, size, headers, metadata, blocks, tier and copy of the new blob; the rest is
                filled in here.
        """
        with self.cleaning([draft.content]) as unused, self.place(key) as place:
            check_name(key.name)
            check(place.blob)
            return self.write(place, key.name, draft, unused)

    def change(self, key: BlobKey, change: Change, *, stamp: bool = True) -> Blob:
        """Writes what `change` makes of a blob; it raises for what is refused. A lease changes no ETag:
        `stamp=False`.
        """
        with self.place(key) as place:
            if place.blob is None:
                raise StorageError("BlobNotFound")
            new = change(place.blob)
            if stamp:
                etag, modified = self.database.stamp()
                new = replace(new, etag=etag, modified=modified)
            tables.save_blob(place.connection, new)
        return new

    def delete(self, key: BlobKey, check: Check = no_check) -> None:
        """Removes a blob and its staged blocks; 404 BlobNotFound."""
        with self.cleaning([]) as unused, self.place(key) as place:
            if place.blob is None:
                raise StorageError("BlobNotFound")
            check(place.blob)
            tables.remove_blob(place.connection, place.container.id, key.name)
            unused += self._unused(place, key.name)

    def copy(
        self,
        source: BlobKey,
        target: BlobKey,
        shape: Change,
        check: Check = no_check,
        check_source: SourceCheck | None = None,
    ) -> Blob:
        """Makes a blob with the content of another; `shape` makes the draft of the copy from the source."""
        check_name(target.name)
        with self.cleaning([]) as unused, self.place(target) as place:
            container = require_container(place.connection, source)
            found = tables.find_blob(place.connection, container.id, source.name)
            if found is None:
                raise StorageError("BlobNotFound")
            if check_source:
                check_source(found)
            check(place.blob)
            draft = shape(found)
            if found.type == APPEND_BLOB:
                # Appending writes into the content, so two append blobs never share one.
                name = self.contents.join([Piece(found.content, 0, found.size)], appendable=True)
                draft = replace(draft, content=name)
            return self.write(place, target.name, draft, unused)

    # -- inside a transaction

    @contextmanager
    def place(self, key: BlobKey) -> Iterator[Place]:
        """A transaction on the place of a blob."""
        with self.database.writing() as connection:
            container = require_container(connection, key)
            yield Place(connection, container, tables.find_blob(connection, container.id, key.name))

    @contextmanager
    def cleaning(self, written: list[str]) -> Iterator[list[str]]:
        """Discards the contents that are put into the list, and those just `written` when the write is refused."""
        unused: list[str] = []
        try:
            yield unused
        except BaseException:
            with self.database.reading() as connection:
                self.contents.discard(tables.unused_contents(connection, written))
            raise
        self.contents.discard(unused)

    def write(self, place: Place, name: str, draft: Blob, unused: list[str]) -> Blob:
        """Puts a draft into a place; adds to `unused` what nothing refers to any more."""
        old, (etag, modified) = place.blob, self.database.stamp()
        new = replace(draft, container=place.container.id, name=name, etag=etag, modified=modified, created=modified)
        if old is not None:
            new = replace(new, created=old.created, lease=old.lease)
        tables.save_blob(place.connection, new)
        unused += self._unused(place, name)
        return new

    def _unused(self, place: Place, name: str) -> list[str]:
        """Drops the staged blocks of a name; returns the contents that the place has no use for any more."""
        dropped = tables.remove_blocks(place.connection, place.container.id, name)
        before = [place.blob.content] if place.blob else []
        return tables.unused_contents(place.connection, [*dropped, *before])


def require_container(connection: Connection, key: BlobKey) -> Container:
    """The container of a blob; 404 ContainerNotFound."""
    container = tables.find_container(connection, key.account.lower(), key.container)
    if container is None:
        raise StorageError("ContainerNotFound")
    return container


def check_name(name: str) -> None:
    """400 for what is no blob name."""
    if not 0 < len(name) <= LONGEST_NAME:
        raise StorageError("OutOfRangeInput", f"The blob name has {len(name)} characters, not 1 to {LONGEST_NAME}.")
