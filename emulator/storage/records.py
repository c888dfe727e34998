"""What the Blob service keeps: containers, blobs and staged blocks."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import NamedTuple

from emulator.storage.lease import Lease

BLOCK_BLOB = "BlockBlob"
APPEND_BLOB = "AppendBlob"


class BlobKey(NamedTuple):
    """Where a blob lives."""

    account: str
    container: str
    name: str


class Stamp(NamedTuple):
    """The version of a changed object: its ETag (with quotes) and the time of the change in seconds since the epoch."""

    etag: str
    modified: float


@dataclass(frozen=True)
class Container:
    """A container. `public_access` is "", "blob" or "container"."""

    id: int
    account: str
    name: str
    etag: str
    modified: float
    metadata: dict[str, str] = field(default_factory=dict)
    public_access: str = ""
    lease: Lease = field(default_factory=Lease)

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Container:
        """A row as a container."""
        details = json.loads(row["details"])
        metadata, lease = details["metadata"], Lease(*details["lease"])
        place = (row["id"], row["account"], row["name"], row["etag"], row["modified"])
        return cls(*place, metadata, details["public_access"], lease)

    def details(self) -> str:
        """The part that is kept as JSON."""
        lease = self.lease.to_json()
        return json.dumps({"metadata": self.metadata, "public_access": self.public_access, "lease": lease})


@dataclass(frozen=True)
class Blob:
    """A committed blob.

    `container` is the container's row, `content` names the file that holds its bytes (immutable; of an append blob
    the first `size` bytes count), `headers` are its HTTP headers by lower-case name (content-type, content-md5, ...),
    `blocks` the committed blocks in order with their sizes in bytes, `copied` the `x-ms-copy-*` headers of the copy
    that made it.
    """

    container: int
    name: str
    type: str
    content: str
    size: int
    etag: str = ""
    created: float = 0.0
    modified: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    blocks: tuple[tuple[str, int], ...] = ()
    lease: Lease = field(default_factory=Lease)
    tier: str = ""
    copied: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Blob:
        """A row as a blob."""
        details = json.loads(row["details"])
        columns = ("container", "name", "type", "content", "size", "etag", "created", "modified")
        return cls(
            **{column: row[column] for column in columns},
            headers=details["headers"],
            metadata=details["metadata"],
            blocks=tuple((block, size) for block, size in details["blocks"]),
            lease=Lease(*details["lease"]),
            tier=details["tier"],
            copied=details["copied"],
        )

    def details(self) -> str:
        """The part that is kept as JSON."""
        kept = {"headers": self.headers, "metadata": self.metadata, "blocks": self.blocks}
        return json.dumps({**kept, "lease": self.lease.to_json(), "tier": self.tier, "copied": self.copied})


@dataclass(frozen=True)
class Block:
    """A staged block: waits for a Put Block List, at most a week."""

    block: str
    content: str
    size: int

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Block:
        """A row as a block."""
        return cls(row["block"], row["content"], row["size"])
