"""Build contexts and logs of runs: blobs in a storage account that, as in Azure, belongs to the service."""

from __future__ import annotations

import time
from typing import BinaryIO

from emulator.service import Emulator
from emulator.storage.accounts import Account
from emulator.storage.service import StorageService

ACCOUNT = "acrtasksofemulator"
LINK_HOURS = 1.0
KEPT_SECONDS = 24 * 3600
SOURCE = "source/"


class Sources:
    """The blobs of one registry."""

    def __init__(self, emulator: Emulator, registry: str) -> None:
        self._settings = emulator.settings
        self._container = registry.lower()
        self._blobs = storage(emulator).blobs

    def url(self, path: str, permissions: str) -> str:
        """Where a blob can be written or read without a token, for an hour."""
        self._blobs.containers.ensure(ACCOUNT, self._container)
        signature = self._blobs.sas(ACCOUNT, self._container, permissions, LINK_HOURS)
        suffix = self._settings.storage_suffix()
        return f"https://{ACCOUNT}.blob.{suffix}/{self._container}/{path}?{signature}"

    def exists(self, path: str) -> bool:
        """Whether there is such a blob."""
        return self._blobs.exists(ACCOUNT, self._container, path)

    def open(self, path: str) -> BinaryIO:
        """A blob for reading."""
        return self._blobs.open(ACCOUNT, self._container, path)

    def write(self, path: str, text: str) -> None:
        """Writes a text."""
        self._blobs.put_bytes(ACCOUNT, self._container, path, text.encode(), "text/plain; charset=utf-8")

    def forget_old(self) -> None:
        """Removes contexts uploaded more than a day ago."""
        if self._blobs.containers.find(ACCOUNT, self._container) is None:
            return
        for blob in list(self._blobs.list(ACCOUNT, self._container, SOURCE)):
            if blob.modified < time.time() - KEPT_SECONDS:
                self._blobs.delete(ACCOUNT, self._container, blob.name)

    def remove(self) -> None:
        """Removes everything."""
        if self._blobs.containers.find(ACCOUNT, self._container):
            self._blobs.containers.delete(ACCOUNT, self._container)


def add_account(emulator: Emulator) -> None:
    """Makes the account known before the blob service looks for containers that no account has; it has no keys."""
    storage(emulator).accounts.keep(Account(ACCOUNT, "", (), shared_key_allowed=False))


def storage(emulator: Emulator) -> StorageService:
    """The blob service."""
    return emulator.services.get(StorageService)
