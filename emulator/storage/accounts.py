"""The storage accounts that exist, kept in memory: every data plane request needs one."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any

from emulator.storage.errors import StorageError
from emulator.store import Document

ACCOUNT_TYPE = "Microsoft.Storage/storageAccounts"
KEY_BYTES = 64


@dataclass(frozen=True)
class Account:
    """What the data plane knows of an account."""

    name: str
    id: str
    keys: tuple[str, ...]
    shared_key_allowed: bool = True
    public_access_allowed: bool = False
    sku: str = "Standard_LRS"
    kind: str = "StorageV2"

    @classmethod
    def from_document(cls, document: Document) -> Account:
        """The account of an ARM document."""
        properties = document.properties
        return cls(
            document.name.lower(),
            document.id,
            tuple(document.private["keys"]),
            properties.get("allowSharedKeyAccess") is not False,
            properties.get("allowBlobPublicAccess") is True,
            document.body.get("sku", {}).get("name", "Standard_LRS"),
            document.body.get("kind", "StorageV2"),
        )


class Accounts:
    """Accounts by name. The ARM documents are the truth; this follows them."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def keep(self, account: Account) -> None:
        """Takes in a new or changed account."""
        self._accounts[account.name] = account

    def forget(self, name: str) -> None:
        """The account is gone."""
        self._accounts.pop(name.lower(), None)

    def find(self, name: str) -> Account | None:
        """The account of this name."""
        return self._accounts.get(name.lower())

    def get(self, name: str) -> Account:
        """The account of this name.

        Raises:
            StorageError: 404 where Azure's host name would not resolve.
        """
        account = self.find(name)
        if account is None:
            raise StorageError("ResourceNotFound", f"The storage account '{name}' does not exist.")
        return account


def new_key() -> str:
    """An account key as Azure makes them: 64 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def new_keys() -> dict[str, Any]:
    """The part of an account's document that is never shown."""
    return {"keys": [new_key(), new_key()]}
