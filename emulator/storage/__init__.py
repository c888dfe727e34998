"""Azure Storage: accounts in ARM, and the Blob data plane over files and SQLite."""

from __future__ import annotations

from emulator.storage.blob_store import BlobStore
from emulator.storage.service import StorageService

__all__ = ["BlobStore", "StorageService"]
