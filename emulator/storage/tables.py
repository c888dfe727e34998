"""Queries on the Blob service's database; each takes the connection it runs on."""

from __future__ import annotations

import time
from collections.abc import Iterable
from sqlite3 import Connection

from emulator.storage.records import Blob, Block, Container

LAST = "\U0010ffff"
"""Sorts behind every character of a name."""

# -- containers


def find_container(connection: Connection, account: str, name: str) -> Container | None:
    """A container by its name."""
    row = connection.execute("select * from containers where account = ? and name = ?", (account, name)).fetchone()
    return Container.from_row(row) if row else None


def containers_from(connection: Connection, account: str, prefix: str, start: str, limit: int) -> list[Container]:
    """Containers of an account in order of name, from `start` on."""
    query = "select * from containers where account = ? and name >= ? and name < ? order by name limit ?"
    values = (account, max(start, prefix), prefix + LAST, limit)
    return [Container.from_row(row) for row in connection.execute(query, values)]


def all_containers(connection: Connection) -> list[Container]:
    """The containers of every account."""
    return [Container.from_row(row) for row in connection.execute("select * from containers order by account, name")]


def add_container(connection: Connection, container: Container) -> None:
    """Writes a new container; the database chooses its row."""
    values = (container.account, container.name, container.etag, container.modified, container.details())
    connection.execute("insert into containers (account, name, etag, modified, details) values (?, ?, ?, ?, ?)", values)


def save_container(connection: Connection, container: Container) -> None:
    """Writes a changed container."""
    values = (container.etag, container.modified, container.details(), container.id)
    connection.execute("update containers set etag = ?, modified = ?, details = ? where id = ?", values)


def remove_container(connection: Connection, container: Container) -> list[str]:
    """Removes a container with all it holds; returns the contents that were in it."""
    query = "select content from blobs where container = ?1 union select content from blocks where container = ?1"
    contents = [row[0] for row in connection.execute(query, (container.id,))]
    for table, column in (("blobs", "container"), ("blocks", "container"), ("containers", "id")):
        connection.execute(f"delete from {table} where {column} = ?", (container.id,))  # noqa: S608
    return contents


# -- blobs


def find_blob(connection: Connection, container: int, name: str) -> Blob | None:
    """A committed blob by its name."""
    row = connection.execute("select * from blobs where container = ? and name = ?", (container, name)).fetchone()
    return Blob.from_row(row) if row else None


def blobs_from(connection: Connection, container: int, prefix: str, start: str, limit: int) -> list[Blob]:
    """Blobs of a container in order of name, from `start` on."""
    query = "select * from blobs where container = ? and name >= ? and name < ? order by name limit ?"
    values = (container, max(start, prefix), prefix + LAST, limit)
    return [Blob.from_row(row) for row in connection.execute(query, values)]


def save_blob(connection: Connection, blob: Blob) -> None:
    """Writes a blob in place of the one with its name."""
    place = (blob.container, blob.name, blob.type, blob.content, blob.size)
    values = (*place, blob.etag, blob.created, blob.modified, blob.details())
    connection.execute("insert or replace into blobs values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def remove_blob(connection: Connection, container: int, name: str) -> None:
    """Removes a blob."""
    connection.execute("delete from blobs where container = ? and name = ?", (container, name))


# -- staged blocks


def find_blocks(connection: Connection, container: int, name: str) -> list[Block]:
    """The staged blocks of a blob, in order of id."""
    query = "select * from blocks where container = ? and name = ? order by block"
    return [Block.from_row(row) for row in connection.execute(query, (container, name))]


def save_block(connection: Connection, container: int, name: str, block: Block) -> None:
    """Stages a block in place of the one with its id."""
    values = (container, name, block.block, block.content, block.size, time.time())
    connection.execute("insert or replace into blocks values (?, ?, ?, ?, ?, ?)", values)


def remove_blocks(connection: Connection, container: int, name: str) -> list[str]:
    """Drops the staged blocks of a blob; returns their contents."""
    contents = [block.content for block in find_blocks(connection, container, name)]
    connection.execute("delete from blocks where container = ? and name = ?", (container, name))
    return contents


def remove_old_blocks(connection: Connection, before: float) -> None:
    """Drops blocks that were staged before a time."""
    connection.execute("delete from blocks where staged < ?", (before,))


# -- contents


def all_contents(connection: Connection) -> set[str]:
    """Every content that something refers to."""
    return {row[0] for row in connection.execute("select content from blobs union select content from blocks")}


def unused_contents(connection: Connection, contents: Iterable[str]) -> list[str]:
    """Those of the contents that nothing refers to."""
    query = "select exists (select 1 from blobs where content = ?1) or exists (select 1 from blocks where content = ?1)"
    return [content for content in set(contents) if not connection.execute(query, (content,)).fetchone()[0]]
