"""Telemetry in a database of its own."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from emulator.database import Database
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


class TelemetryDatabase(Database):
    """Rows of telemetry by component."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, COMPONENTS + "".join(creation(table) for table in TABLES))
        self._swept = 0.0

    def insert(self, rows: Sequence[tuple[Component, Table, Row]]) -> None:
        """Stores rows: all are on disk when it returns, or none is."""
        with self.writing() as connection:
            known: dict[str, int] = {}
            for component, table, row in rows:
                if component.key not in known:
                    known[component.key] = self._component(connection, component)
                connection.execute(INSERTIONS[table.name], {**row, "component": known[component.key]})

    def forget(self, resource: str) -> None:
        """Removes everything of a component, by its id in lower case."""
        with self.writing() as connection:
            found = connection.execute("select id from components where resource = ?", (resource,)).fetchone()
            for table in TABLES if found else ():
                connection.execute(f'delete from "{table.name}" where component = ?', (found[0],))  # noqa: S608
            connection.execute("delete from components where resource = ?", (resource,))

    def sweep(self, components: Sequence[Component], *, force: bool = False) -> None:
        """Removes what is older than its component keeps it; looks only every few minutes unless forced."""
        if not force and time.monotonic() < self._swept + SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        with self.writing() as connection:
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
