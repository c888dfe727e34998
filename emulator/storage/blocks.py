"""Block blobs from staged blocks, and append blobs that grow block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from sqlite3 import Connection
from typing import IO

from emulator.storage import tables
from emulator.storage.blobs import Blobs, Check, no_check, require_container
from emulator.storage.content import Piece
from emulator.storage.errors import StorageError
from emulator.storage.records import APPEND_BLOB, BLOCK_BLOB, Blob, BlobKey, Block

MOST_BLOCKS = 50_000
Source = str
"""committed, uncommitted, or latest: the staged block if there is one, else the committed one."""


@dataclass(frozen=True)
class BlockChoice:
    """One entry of a block list."""

    source: Source
    block: str


class Blocks:
    """Stages blocks and makes blobs of them."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._contents = blobs.contents
        self._database = blobs.database

    def stage(self, key: BlobKey, block: Block, check: Check = no_check) -> None:
        """Keeps a written content as a block until a block list names it; in place of a staged block with the same
        id.
        """
        with self._blobs.cleaning([block.content]) as unused, self._blobs.place(key) as place:
            check(place.blob)
            require_type(place.blob, BLOCK_BLOB)
            staged = tables.find_blocks(place.connection, place.container.id, key.name)
            if any(len(other.block) != len(block.block) for other in staged):
                raise StorageError("InvalidBlobOrBlock", "All block ids of a blob have one length.")
            tables.save_block(place.connection, place.container.id, key.name, block)
            replaced = [other.content for other in staged if other.block == block.block]
            unused += tables.unused_contents(place.connection, replaced)

    def listed(self, key: BlobKey) -> tuple[Blob | None, list[Block]]:
        """The blob (None before its first block list) and its staged blocks; 404 when there is neither."""
        with self._database.reading() as connection:
            container = require_container(connection, key)
            blob = tables.find_blob(connection, container.id, key.name)
            staged = tables.find_blocks(connection, container.id, key.name)
        if blob is None and not staged:
            raise StorageError("BlobNotFound")
        return blob, staged

    def commit(self, key: BlobKey, choices: list[BlockChoice], draft: Blob, check: Check = no_check) -> Blob:
        """Makes the chosen blocks, in their order, the blob; `draft` says everything but content, size and blocks."""
        if len(choices) > MOST_BLOCKS:
            raise StorageError("InvalidBlockList", f"It has {len(choices)} blocks, more than {MOST_BLOCKS}.")
        while True:
            with self._database.reading() as connection:
                pieces = chosen_pieces(connection, key, choices)
            try:
                content = self._join(pieces)
            except FileNotFoundError:
                continue  # another writer replaced the blob meanwhile: choose again
            sizes = tuple((choice.block, piece.size) for choice, piece in zip(choices, pieces, strict=True))
            whole = replace(draft, content=content, size=sum(size for _, size in sizes), blocks=sizes)
            with self._blobs.cleaning([content]) as unused, self._blobs.place(key) as place:
                check(place.blob)
                require_type(place.blob, BLOCK_BLOB)
                if chosen_pieces(place.connection, key, choices) == pieces:
                    return self._blobs.write(place, key.name, whole, unused)
                unused += tables.unused_contents(place.connection, [content])

    def append(self, key: BlobKey, source: IO[bytes], check: Callable[[Blob], None]) -> Blob:
        """Adds a block to an append blob; 404 BlobNotFound, 409 InvalidBlobType.

        The bytes are on disk behind those that count before the row counts them, so a reader or a crash never sees
        half a block.
        """
        with self._blobs.place(key) as place:
            old = place.blob
            if old is None:
                raise StorageError("BlobNotFound")
            check(old)
            require_type(old, APPEND_BLOB)
            added = self._contents.append(old.content, old.size, source)
            etag, modified = self._database.stamp()
            blocks = (*old.blocks, ("", added))
            new = replace(old, size=old.size + added, blocks=blocks, etag=etag, modified=modified)
            tables.save_blob(place.connection, new)
        return new

    def _join(self, pieces: list[Piece]) -> str:
        """The pieces as one content; a block that is the whole blob stays where it is."""
        if len(pieces) == 1 and self._contents.path(pieces[0].content).stat().st_size == pieces[0].size:
            return pieces[0].content
        return self._contents.join(pieces)


def require_type(blob: Blob | None, kind: str) -> None:
    """409 when there is a blob of another type."""
    if blob is not None and blob.type != kind:
        raise StorageError("InvalidBlobType", f"It is a {blob.type}.")


def chosen_pieces(connection: Connection, key: BlobKey, choices: list[BlockChoice]) -> list[Piece]:
    """Where the bytes of a block list are; 400 InvalidBlockList for a block there is not."""
    container = require_container(connection, key)
    blob = tables.find_blob(connection, container.id, key.name)
    staged = tables.find_blocks(connection, container.id, key.name)
    uncommitted = {block.block: Piece(block.content, 0, block.size) for block in staged}
    committed = committed_pieces(blob) if blob else {}
    found = {"uncommitted": uncommitted, "committed": committed, "latest": {**committed, **uncommitted}}
    pieces = [found[choice.source].get(choice.block) for choice in choices]
    if None in pieces:
        missing = next(choice.block for choice, piece in zip(choices, pieces, strict=True) if piece is None)
        raise StorageError("InvalidBlockList", f"There is no block '{missing}'.")
    return [piece for piece in pieces if piece is not None]


def committed_pieces(blob: Blob) -> dict[str, Piece]:
    """Where the committed blocks of a blob lie in its content."""
    pieces, offset = {}, 0
    for block, size in blob.blocks:
        pieces[block] = Piece(blob.content, offset, size)
        offset += size
    return pieces
