"""Where clients look up the names of container groups."""

from __future__ import annotations

import os
import threading

from emulator.settings import Settings
from emulator.store import Store


class HostNames:
    """A file like `/etc/hosts`, written anew from the documents."""

    def __init__(self, settings: Settings, store: Store, resource_type: str) -> None:
        self._file = settings.hosts
        self._store = store
        self._type = resource_type
        self._lock = threading.Lock()

    def write(self, without: str = "") -> None:
        """Writes the names of all groups but one."""
        with self._lock:
            addresses = [
                document.properties.get("ipAddress") or {}
                for document in self._store.of_type(self._type)
                if document.key != without
            ]
            text = "".join(f"{one['ip']} {one['fqdn']}\n" for one in addresses if one.get("fqdn"))
            temporary = self._file.with_suffix(".new")
            temporary.write_text(text)
            os.replace(temporary, self._file)
