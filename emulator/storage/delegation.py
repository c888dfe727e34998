"""User delegation keys: what a signed-in principal signs shared access signatures with, without an account key.

https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import astuple, dataclass
from pathlib import Path

from emulator.storage.clock import iso_date, parse_iso_date

LONGEST_SECONDS = 7 * 24 * 3600
SECRET_BYTES = 32


@dataclass(frozen=True)
class DelegationKey:
    """The public part of a key, as a signature carries it: `sk*` in the query. Times are text as signed."""

    object_id: str
    tenant_id: str
    start: str
    expiry: str
    service: str
    version: str

    def valid(self, now: float) -> bool:
        """Whether the key's own time has come and not passed."""
        start, expiry = parse_iso_date(self.start), parse_iso_date(self.expiry)
        return start is not None and expiry is not None and start <= now < expiry and expiry - start <= LONGEST_SECONDS


class Delegation:
    """Makes keys. A key's value follows from its public part and a secret of this emulator, so none has to be kept."""

    def __init__(self, file: Path) -> None:
        self._secret = load_secret(file)

    def value(self, account: str, key: DelegationKey) -> str:
        """The key itself, base64; valid for one account."""
        text = "\n".join((account.lower(), *astuple(key)))
        return base64.b64encode(hmac.new(self._secret, text.encode(), hashlib.sha256).digest()).decode()

    def key(self, object_id: str, tenant_id: str, start: float, seconds: float, version: str) -> DelegationKey:
        """A key for the Blob service that is valid for some seconds, at most seven days."""
        expiry = iso_date(start + min(seconds, LONGEST_SECONDS))
        return DelegationKey(object_id, tenant_id, iso_date(start), expiry, "b", version)


def load_secret(file: Path) -> bytes:
    """The secret in `file`, made at first use and readable only by its owner."""
    if not file.exists():
        descriptor = os.open(file.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as new:
            new.write(secrets.token_bytes(SECRET_BYTES))
            new.flush()
            os.fsync(new.fileno())
        os.replace(file.with_suffix(".new"), file)
    return file.read_bytes()
