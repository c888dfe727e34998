"""Secure variables and registry passwords: taken out of a group's document, kept encrypted, never shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from emulator.keyvault.secrets import load_cipher_key
from emulator.store import Document

PRIVATE = "secure"


class SecureValues:
    """Encrypts with a key that only the emulator's owner can read."""

    def __init__(self, folder: Path) -> None:
        self._cipher = Fernet(load_cipher_key(folder / "key"))

    def take_out(self, document: Document) -> None:
        """Moves the secure values of a document's body to its private part.

        An entry that comes back without its value, as a client that changes something else sends it, keeps it.
        """
        kept: dict[str, str] = document.private.get(PRIVATE, {})
        taken = {}
        for place, entry, key in _places(document):
            value = entry.pop(key, None)
            if value is not None:
                taken[place] = self._cipher.encrypt(str(value).encode()).decode()
            elif place in kept:
                taken[place] = kept[place]
        document.private[PRIVATE] = taken

    def variables(self, document: Document, container: str) -> dict[str, str]:
        """The secure variables of a container."""
        prefix = f"{container}/"
        return {
            place.removeprefix(prefix): self._cipher.decrypt(value.encode()).decode()
            for place, value in document.private.get(PRIVATE, {}).items()
            if place.startswith(prefix)
        }


def _places(document: Document) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Where secure values may be: a name for the place, the entry, and the key of the value."""
    for container in document.properties["containers"]:
        for variable in container["properties"].get("environmentVariables") or []:
            if variable.get("value") is None:
                yield f"{container['name']}/{variable['name']}", variable, "secureValue"
            else:
                variable.pop("secureValue", None)
    for credential in document.properties.get("imageRegistryCredentials") or []:
        yield f"registry:{credential['server']}", credential, "password"
