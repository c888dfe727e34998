"""Telemetry in a SQLite database of its own: WAL, synchronous FULL, one writer, readers that never wait for it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from emulator.monitor.components import Component
from emulator.monitor.kql.sql_functions import install
from emulator.monitor.kql.types import MICROSECONDS
from emulator.monitor.tables import TABLES, Table

COMPONENTS = """
create table if not exists components (
    id integer primary key, resource text not null unique, app_id text not null, app_name text not null,
    instrumentation_key text not null);
"""
SWEEP_SECONDS = 600.0
PROGRESS_STEPS = 20_000
"""Steps of SQLite's machine between two looks at the clock."""
Row = Mapping[str, Any]


class QueryTimeout(Exception):
    """A query took longer than it may."""


class Database:
    """Rows of telemetry. Every method is safe to call from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._swept = 0.0
        self._writer = self._connect()
        self._writer.execute("pragma journal_mode = wal")
        self._writer.execute("pragma synchronous = full")
        self._writer.executescript(COMPONENTS + "".join(creation(table) for table in TABLES))

    def close(self) -> None:
        """Closes the writing connection."""
        with self._lock:
            self._writer.close()

    def insert(self, rows: Sequence[tuple[Component, Table, Row]]) -> None:
        """Stores rows: all are on disk when it returns, or none is."""
        with self._writing() as connection:
            known: dict[str, int] = {}
            for component, table, row in rows:
                if component.key not in known:
                    known[component.key] = self._component(connection, component)
                connection.execute(INSERTIONS[table.name], {**row, "component": known[component.key]})

    def forget(self, resource: str) -> None:
        """Removes everything of a component, by its id in lower case."""
        with self._writing() as connection:
            found = connection.execute("select id from components where resource = ?", (resource,)).fetchone()
            for table in TABLES if found else ():
                connection.execute(f'delete from "{table.name}" where component = ?', (found[0],))  # noqa: S608
            connection.execute("delete from components where resource = ?", (resource,))

    def sweep(self, components: Sequence[Component], *, force: bool = False) -> None:
        """Removes what is older than its component keeps it; looks only every few minutes unless forced."""
        if not force and time.monotonic() < self._swept + SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        with self._writing() as connection:
            for component in components:
                oldest = int((time.time() - component.retention_days * 86_400) * MICROSECONDS)
                for table in TABLES:
                    connection.execute(
                        f'delete from "{table.name}" where timestamp < ? and component in '  # noqa: S608
                        "(select id from components where resource = ?)",
                        (oldest, component.key),
                    )

    def query(self, sql: str, parameters: Mapping[str, object], seconds: float) -> list[tuple[Any, ...]]:
        """The rows of a select.

        Raises:
            QueryTimeout: it took longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        with closing(self._connect()) as connection:
            connection.execute("pragma query_only = on")
            install(connection)
            connection.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS_STEPS)
            try:
                return connection.execute(sql, parameters).fetchall()
            except sqlite3.OperationalError as error:
                if "interrupted" in str(error):
                    raise QueryTimeout(f"the query took longer than {seconds:.0f} s") from None
                raise

    def _component(self, connection: sqlite3.Connection, component: Component) -> int:
        values = (component.key, component.app_id, component.name, component.instrumentation_key)
        connection.execute(
            "insert into components (resource, app_id, app_name, instrumentation_key) values (?, ?, ?, ?) "
            "on conflict (resource) do nothing",
            values,
        )
        found = connection.execute("select id from components where resource = ?", (component.key,)).fetchone()
        return int(found[0])

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
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


def creation(table: Table) -> str:
    """The table and the index that every query uses."""
    columns = ", ".join(f'"{column.name}" {column.storage.sqlite}' for column in table.stored)
    return (
        f'create table if not exists "{table.name}" (component integer not null, {columns});'
        f'create index if not exists "{table.name}_time" on "{table.name}" (component, timestamp);'
    )


def insertion(table: Table) -> str:
    """The statement that stores one row; its parameters have the names of the columns."""
    names = [column.name for column in table.stored]
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join(f":{name}" for name in names)
    return f'insert into "{table.name}" (component, {columns}) values (:component, {marks})'  # noqa: S608


INSERTIONS = {table.name: insertion(table) for table in TABLES}
