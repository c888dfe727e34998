"""Locks of repositories, tags and manifests: Azure's `changeableAttributes`."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from emulator.container_registry.errors import RegistryError

FLAGS = ("deleteEnabled", "writeEnabled", "listEnabled", "readEnabled")
DISALLOWED = (
    "The operation is disallowed on this registry, repository or image. View troubleshooting steps at "
    "https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation"
)


class Attributes:
    """The attributes of one registry, in a file that has one writer: this object, of which there is one a registry.

    What nobody changed is allowed. Safe to use from any thread.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def get(self, repository: str, reference: str = "") -> dict[str, bool]:
        """The attributes of a repository, or of a tag or digest in it."""
        changed = self._read().get(key(repository, reference), {})
        return {flag: bool(changed.get(flag, True)) for flag in FLAGS}

    def change(self, repository: str, reference: str, values: dict[str, Any]) -> None:
        """Changes the attributes that are given."""
        known = {flag: bool(values[flag]) for flag in FLAGS if values.get(flag) is not None}
        with self._lock:
            content = self._read()
            content[key(repository, reference)] = {**content.get(key(repository, reference), {}), **known}
            self._write(content)

    def forget(self, repository: str, reference: str = "") -> None:
        """Removes the attributes of something that is gone; of a repository with all that was in it."""
        with self._lock:
            whole, inside = key(repository, reference), key(repository, "")
            content = {
                name: value
                for name, value in self._read().items()
                if name != whole and (reference or not name.startswith(inside))
            }
            self._write(content)

    def refuse_write(self, repository: str, reference: str) -> None:
        """405 when a tag cannot be written: the repository or the tag is locked."""
        if not all(self.get(repository, one)["writeEnabled"] for one in ("", reference)):
            raise disallowed()

    def refuse_delete(self, repository: str, *references: str) -> None:
        """405 when the repository, or one of these tags and digests, must not be deleted or not be written: a lock on
        writing is one on deleting too (https://learn.microsoft.com/azure/container-registry/container-registry-image-lock).
        """
        flags = [self.get(repository, one) for one in ("", *references)]
        if not all(one["deleteEnabled"] and one["writeEnabled"] for one in flags):
            raise disallowed()

    def _read(self) -> dict[str, dict[str, bool]]:
        try:
            content: dict[str, dict[str, bool]] = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        return content

    def _write(self, content: dict[str, dict[str, bool]]) -> None:
        temporary = self._file.with_suffix(".new")
        with temporary.open("w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._file)


def key(repository: str, reference: str) -> str:
    """What names a tag, digest or repository in the file."""
    return f"{repository} {reference}"


def disallowed() -> RegistryError:
    """405 for what a lock forbids."""
    return RegistryError(405, "DENIED", DISALLOWED)
