"""The Blob service's own database."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue

from emulator.database import Database
from emulator.storage.records import Stamp

SCHEMA = """
create table if not exists containers (
    id integer primary key autoincrement, account text not null, name text not null, etag text not null,
    modified real not null, details text not null, unique (account, name));
create table if not exists blobs (
    container integer not null, name text not null, type text not null, content text not null, size integer not null,
    etag text not null, created real not null, modified real not null, details text not null,
    primary key (container, name)) without rowid;
create index if not exists blobs_content on blobs (content);
create table if not exists blocks (
    container integer not null, name text not null, block text not null, content text not null, size integer not null,
    staged real not null, primary key (container, name, block)) without rowid;
create index if not exists blocks_content on blocks (content);
"""
TICKS_PER_SECOND = 10_000_000
EPOCH_TICKS = 621_355_968_000_000_000
""".NET ticks of 1970: Azure's ETags are the time of the change in ticks."""


class BlobDatabase(Database):
    """Containers, blobs and staged blocks, with a pool of reading connections."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, SCHEMA)
        self._readers: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._last_tick = 0

    def close(self) -> None:
        """Closes every connection that is not in use."""
        super().close()
        while not self._readers.empty():
            self._readers.get().close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees what was committed when its first query ran."""
        try:
            connection = self._readers.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._readers.put(connection)

    def stamp(self) -> Stamp:
        """A version that no change had before; call it inside `writing`."""
        now = time.time()
        self._last_tick = max(self._last_tick + 1, EPOCH_TICKS + int(now * TICKS_PER_SECOND))
        return Stamp(f'"0x{self._last_tick:X}"', now)

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.row_factory = sqlite3.Row
        return connection
