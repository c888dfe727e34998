"""Contents: files that are written once, under random names. Only a row in the database makes one count."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

CHUNK_BYTES = 1024 * 1024
READ_ONLY, OWNER_WRITES = 0o444, 0o644


@dataclass(frozen=True)
class Content:
    """A content that is on disk: its name, its size in bytes and its MD5."""

    name: str
    size: int
    md5: bytes


@dataclass(frozen=True)
class Piece:
    """A part of a content, in bytes."""

    content: str
    offset: int
    size: int


class ContentFiles:
    """One folder of contents.

    A content is written under its final name and fsynced with its folder before any row names it; what a crash leaves
    without a row goes at the next start. So nobody ever sees half a content, and no acknowledged one is lost.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, content: str) -> Path:
        """The file of a content."""
        return self._directory / content

    def write(self, source: IO[bytes], see: Callable[[bytes], object] | None = None) -> Content:
        """Writes what is left of `source`; `see` is shown every chunk."""
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        with self._creating() as (name, file):
            while chunk := source.read(CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                if see is not None:
                    see(chunk)
        return Content(name, size, digest.digest())

    def join(self, pieces: Iterable[Piece], *, appendable: bool = False) -> str:
        """Writes pieces of contents one after the other into a new content, which stays writable when it is
        `appendable`.
        """
        with self._creating(appendable=appendable) as (name, file):
            for piece in pieces:
                self._copy(piece, file)
        return name

    def append(self, content: str, size: int, source: IO[bytes]) -> int:
        """Writes what is left of `source` behind the first `size` bytes of a content; returns the number of bytes
        added.
        """
        with self.path(content).open("r+b") as file:
            file.truncate(size)
            file.seek(size)
            while chunk := source.read(CHUNK_BYTES):
                file.write(chunk)
            added = file.tell() - size
            file.flush()
            os.fsync(file.fileno())
        return added

    def open(self, content: str) -> BinaryIO:
        """A content for reading; it stays readable when the content is discarded meanwhile."""
        return self.path(content).open("rb")

    def discard(self, contents: Iterable[str]) -> None:
        """Removes contents."""
        for content in contents:
            self.path(content).unlink(missing_ok=True)

    def discard_all_but(self, contents: set[str]) -> int:
        """Removes every content that is not named; returns how many went."""
        orphans = [entry.name for entry in os.scandir(self._directory) if entry.name not in contents]
        self.discard(orphans)
        return len(orphans)

    @contextmanager
    def _creating(self, *, appendable: bool = False) -> Iterator[tuple[str, BinaryIO]]:
        name = uuid.uuid4().hex
        path = self.path(name)
        try:
            with path.open("xb") as file:
                yield name, file
                file.flush()
                os.fchmod(file.fileno(), OWNER_WRITES if appendable else READ_ONLY)
                os.fsync(file.fileno())
            self._sync_directory()
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _copy(self, piece: Piece, target: BinaryIO) -> None:
        for chunk in read_range(self.open(piece.content), piece.offset, piece.size):
            target.write(chunk)

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_range(file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
    """Bytes of an open file in chunks; closes it at the end."""
    with file:
        file.seek(offset)
        while size > 0 and (chunk := file.read(min(size, CHUNK_BYTES))):
            size -= len(chunk)
            yield chunk
