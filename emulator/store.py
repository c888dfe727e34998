"""Durable documents and operations: SQLite, one writer, nothing acknowledged before it is on disk."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emulator.resource_id import ResourceId

SCHEMA = """
create table if not exists documents (
    key text primary key, id text not null, type text not null, parent text, body text not null, private text not null,
    etag text not null, created real not null, modified real not null, sequence integer not null);
create index if not exists documents_parent on documents (parent, type);
create index if not exists documents_type on documents (type);
create table if not exists deleted (
    key text primary key, id text not null, type text not null, parent text, body text not null, private text not null,
    etag text not null, created real not null, modified real not null, sequence integer not null,
    deleted real not null);
create table if not exists operations (
    name text primary key, kind text not null, resource text not null, status text not null, error text,
    started real not null, ended real);
create table if not exists counters (name text primary key, value integer not null);
"""
COLUMNS = "key, id, type, parent, body, private, etag, created, modified, sequence"


@dataclass(frozen=True)
class Document:
    """One ARM resource.

    `body` is the JSON that a GET answers, without id, name and type; `private` is what the emulator keeps beside it and
    never shows
    (keys, process handles). `created` and `modified` are seconds since the epoch.
    """

    id: str
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)
    etag: str = ""
    created: float = 0.0
    modified: float = 0.0
    sequence: int = 0

    @property
    def resource(self) -> ResourceId:
        """The parsed id."""
        return ResourceId.parse(self.id)

    @property
    def key(self) -> str:
        """The id in lower case."""
        return self.id.lower()

    @property
    def name(self) -> str:
        """The last name of the id."""
        return self.resource.name

    @property
    def properties(self) -> dict[str, Any]:
        """The body's `properties`, made when missing."""
        properties: dict[str, Any] = self.body.setdefault("properties", {})
        return properties

    def copy(self) -> Document:
        """A copy whose body may be changed."""
        return replace(self, body=deepcopy(self.body), private=deepcopy(self.private))


@dataclass(frozen=True)
class Operation:
    """A long-running operation on a resource: `status` is InProgress, Succeeded, Failed or Canceled."""

    name: str
    kind: str
    resource: str
    status: str
    error: dict[str, Any] | None
    started: float
    ended: float | None


class Store:
    """Documents by case-insensitive id, and operations. Every method is safe to call from any thread."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._afterwards: list[Callable[[], object]] = []
        self._versions: dict[str, int] = {}
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are on disk when it ends, or none is. Nests."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._afterwards.clear()
                    self._connection.execute("rollback")
                    self._versions = {name: count + 1 for name, count in self._versions.items()}
                raise
            self._depth -= 1
            actions: list[Callable[[], object]] = []
            if self._depth == 0:
                actions, self._afterwards = self._afterwards, actions
                self._connection.execute("commit")
        for action in actions:
            action()

    def after_commit(self, action: Callable[[], object]) -> None:
        """Does something once all that the present transaction writes is on disk; never when it is rolled back."""
        with self.transaction():
            self._afterwards.append(action)

    # -- documents

    def get(self, resource_id: str) -> Document | None:
        """The document with this id, in any case."""
        return self._one("select * from documents where key = ?", resource_id.lower())

    def children(self, parent_id: str, resource_type: str | None = None) -> list[Document]:
        """Documents directly below a resource, newest first; `resource_type` narrows to one type."""
        query, values = "select * from documents where parent = ?", [parent_id.lower()]
        if resource_type:
            query, values = query + " and type = ?", [*values, resource_type.lower()]
        return self._many(query + " order by sequence desc", *values)

    def of_type(self, resource_type: str) -> list[Document]:
        """Every document of a type, oldest first."""
        return self._many("select * from documents where type = ? order by sequence", resource_type.lower())

    def etags(self, *resource_types: str) -> tuple[str, ...]:
        """The etags of every document of these types: another answer than before when one was written or has gone."""
        marks = ", ".join("?" * len(resource_types))
        query = f"select etag from documents where type in ({marks}) order by key"  # noqa: S608
        with self._lock:
            rows = self._connection.execute(query, [one.lower() for one in resource_types]).fetchall()
        return tuple(row["etag"] for row in rows)

    def versions(self, resource_types: Sequence[str]) -> tuple[int, ...]:
        """Numbers that are others than before once a document of these types was written or has gone. Costs nothing."""
        return tuple(self._versions.get(one.lower(), 0) for one in resource_types)

    def below(self, resource_id: str) -> list[Document]:
        """Every document inside a resource, at any depth, deepest first."""
        found = self._many("select * from documents where substr(key, 1, ?) = ?", *prefix(resource_id))
        return sorted(found, key=lambda document: (-document.key.count("/"), -document.sequence))

    def put(self, document: Document) -> Document:
        """Writes a document; gives it a new etag and its times, and a new sequence when it is new."""
        now = time.time()
        with self.transaction():
            old = self.get(document.id)
            stored = replace(
                document,
                id=old.id if old else document.id,
                etag=uuid.uuid4().hex,
                created=old.created if old else now,
                modified=now,
                sequence=old.sequence if old else self.next("documents"),
            )
            self._write("documents", stored)
        return stored

    def delete(self, resource_id: str, *, keep: bool = False) -> bool:
        """Removes one document; `keep` moves it to the soft-deleted ones. False when there was none."""
        with self.transaction():
            old = self.get(resource_id)
            if old is None:
                return False
            if keep:
                self._write("deleted", old, (time.time(),))
            self._connection.execute("delete from documents where key = ?", (old.key,))
            self._changed(old.resource.type)
        return True

    # -- soft-deleted documents

    def get_deleted(self, resource_id: str) -> Document | None:
        """A soft-deleted document."""
        return self._one("select * from deleted where key = ?", resource_id.lower())

    def deleted_of_type(self, resource_type: str) -> list[tuple[Document, float]]:
        """Every soft-deleted document of a type with the time of its deletion."""
        with self._lock:
            rows = self._connection.execute("select * from deleted where type = ?", (resource_type.lower(),)).fetchall()
        return [(to_document(row), row["deleted"]) for row in rows]

    def purge(self, resource_id: str) -> bool:
        """Removes a soft-deleted document for good."""
        with self.transaction():
            cursor = self._connection.execute("delete from deleted where key = ?", (resource_id.lower(),))
            return cursor.rowcount > 0

    # -- operations

    def start_operation(self, kind: str, resource_id: str) -> Operation:
        """Records an operation as InProgress."""
        operation = Operation(str(uuid.uuid4()), kind, resource_id, "InProgress", None, time.time(), None)
        with self.transaction():
            self._connection.execute(
                "insert into operations values (?, ?, ?, ?, null, ?, null)",
                (operation.name, kind, resource_id, operation.status, operation.started),
            )
        return operation

    def end_operation(self, name: str, status: str, error: dict[str, Any] | None = None) -> None:
        """Records the end of an operation."""
        with self.transaction():
            self._connection.execute(
                "update operations set status = ?, error = ?, ended = ? where name = ?",
                (status, json.dumps(error) if error else None, time.time(), name),
            )

    def operation(self, name: str) -> Operation | None:
        """An operation by its name."""
        with self._lock:
            row = self._connection.execute("select * from operations where name = ?", (name,)).fetchone()
        return to_operation(row) if row else None

    def open_operations(self) -> list[Operation]:
        """Operations that have not ended: what a restart has to take up again."""
        with self._lock:
            rows = self._connection.execute("select * from operations where ended is null order by started").fetchall()
        return [to_operation(row) for row in rows]

    def next(self, counter: str) -> int:
        """The next number of a named counter, from 1."""
        with self.transaction():
            self._connection.execute(
                "insert into counters values (?, 1) on conflict (name) do update set value = value + 1", (counter,)
            )
            row = self._connection.execute("select value from counters where name = ?", (counter,)).fetchone()
        return int(row[0])

    # -- rows

    def _one(self, query: str, *values: Any) -> Document | None:
        with self._lock:
            row = self._connection.execute(query, values).fetchone()
        return to_document(row) if row else None

    def _many(self, query: str, *values: Any) -> list[Document]:
        with self._lock:
            rows = self._connection.execute(query, values).fetchall()
        return [to_document(row) for row in rows]

    def _write(self, table: str, document: Document, more: tuple[Any, ...] = ()) -> None:
        resource = document.resource
        parent = resource.parent.lower() if resource.parent else None
        body, private = json.dumps(document.body), json.dumps(document.private)
        times = (document.etag, document.created, document.modified, document.sequence)
        values = (document.key, document.id, resource.type.lower(), parent, body, private, *times, *more)
        columns = COLUMNS + (", deleted" if more else "")
        marks = ", ".join("?" * len(values))
        self._connection.execute(f"insert or replace into {table} ({columns}) values ({marks})", values)  # noqa: S608
        self._changed(resource.type)

    def _changed(self, resource_type: str) -> None:
        name = resource_type.lower()
        self._versions[name] = self._versions.get(name, 0) + 1


def prefix(resource_id: str) -> tuple[int, str]:
    """Length and text of the keys of everything below an id."""
    text = resource_id.lower().rstrip("/") + "/"
    return len(text), text


def to_document(row: sqlite3.Row) -> Document:
    """A row as a document."""
    body, private = json.loads(row["body"]), json.loads(row["private"])
    return Document(row["id"], body, private, row["etag"], row["created"], row["modified"], row["sequence"])


def to_operation(row: sqlite3.Row) -> Operation:
    """A row as an operation."""
    error = json.loads(row["error"]) if row["error"] else None
    return Operation(row["name"], row["kind"], row["resource"], row["status"], error, row["started"], row["ended"])
