"""A SQLite file of a service: WAL, synchronous FULL, one writer, readers that never wait for it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Database:
    """The writing connection. Every method is safe to call from any thread."""

    def __init__(self, file: Path, schema: str) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._writer = self._connect()
        self._writer.execute("pragma journal_mode = wal")
        self._writer.execute("pragma synchronous = full")
        self._writer.executescript(schema)

    def close(self) -> None:
        """Closes the writing connection."""
        with self._lock:
            self._writer.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The one writing connection: everything inside is on disk when it ends, or nothing is. Does not nest."""
        with self._lock:
            self._writer.execute("begin immediate")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("rollback")
                raise
            self._writer.execute("commit")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, check_same_thread=False, isolation_level=None)
