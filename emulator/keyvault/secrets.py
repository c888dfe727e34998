"""Secrets of every vault: versions on disk, encrypted with a key that only the emulator's owner can read."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

SCHEMA = """
create table if not exists secrets (
    vault text not null, name text not null, version text not null, value blob not null, attributes text not null,
    created real not null, sequence integer primary key autoincrement);
create index if not exists secrets_name on secrets (vault, name, sequence);
create table if not exists deleted (
    vault text not null, name text not null, deleted real not null, primary key (vault, name));
"""


@dataclass(frozen=True)
class SecretVersion:
    """One version of a secret; `attributes` holds content type, tags, enabled, nbf and exp as the client gave them."""

    vault: str
    name: str
    version: str
    value: str
    attributes: dict[str, Any]
    created: float


class SecretStore:
    """Secrets by vault, name and version; names and vaults are lower case. Safe to call from any thread."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.RLock()
        self._cipher = Fernet(load_cipher_key(folder / "key"))
        self._connection = sqlite3.connect(folder / "secrets.db", check_same_thread=False, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._connection.executescript(SCHEMA)

    def put(self, vault: str, name: str, value: str, attributes: dict[str, Any]) -> SecretVersion:
        """A new version of a secret."""
        version = SecretVersion(vault, name, uuid.uuid4().hex, value, attributes, time.time())
        sealed = self._cipher.encrypt(value.encode())
        row = (vault, name, version.version, sealed, json.dumps(attributes), version.created)
        with self._lock:
            self._connection.execute(
                "insert into secrets (vault, name, version, value, attributes, created) values (?, ?, ?, ?, ?, ?)", row
            )
        return version

    def versions(self, vault: str, name: str) -> list[SecretVersion]:
        """All versions, newest first."""
        return self._rows("vault = ? and name = ?", vault, name)

    def latest(self, vault: str) -> list[SecretVersion]:
        """The newest version of each secret that is not deleted, by name."""
        newest: dict[str, SecretVersion] = {}
        for version in self._rows("vault = ?", vault):
            newest.setdefault(version.name, version)
        return sorted((v for v in newest.values() if not self.deleted(vault, v.name)), key=lambda version: version.name)

    def get(self, vault: str, name: str, version: str = "") -> SecretVersion | None:
        """A version, the newest when none is named; None when there is none or the secret is deleted."""
        if self.deleted(vault, name):
            return None
        found = self.versions(vault, name)
        return next((one for one in found if not version or one.version == version), None)

    def delete(self, vault: str, name: str) -> None:
        """Soft-deletes a secret."""
        with self._lock:
            self._connection.execute("insert or replace into deleted values (?, ?, ?)", (vault, name, time.time()))

    def deleted(self, vault: str, name: str) -> float | None:
        """When the secret was soft-deleted."""
        with self._lock:
            row = self._connection.execute(
                "select deleted from deleted where vault = ? and name = ?", (vault, name)
            ).fetchone()
        return float(row[0]) if row else None

    def recover(self, vault: str, name: str) -> None:
        """Takes a soft delete back."""
        with self._lock:
            self._connection.execute("delete from deleted where vault = ? and name = ?", (vault, name))

    def purge(self, vault: str, name: str) -> None:
        """Removes a soft-deleted secret for good."""
        with self._lock:
            self._connection.execute("delete from secrets where vault = ? and name = ?", (vault, name))
        self.recover(vault, name)

    def forget(self, vault: str) -> None:
        """Removes everything a vault held."""
        with self._lock:
            self._connection.execute("delete from secrets where vault = ?", (vault,))
            self._connection.execute("delete from deleted where vault = ?", (vault,))

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._connection.close()

    def _rows(self, where: str, *values: str) -> list[SecretVersion]:
        query = (
            f"select vault, name, version, value, attributes, created from secrets where {where} order by sequence desc"  # noqa: S608
        )
        with self._lock:
            rows = self._connection.execute(query, values).fetchall()
        return [SecretVersion(v, n, i, self._cipher.decrypt(s).decode(), json.loads(a), c) for v, n, i, s, a, c in rows]


def load_cipher_key(file: Path) -> bytes:
    """The key in `file`, made at first use and readable only by its owner."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(Fernet.generate_key())
    return file.read_bytes()
