"""One loopback address a container or group, so that each keeps the ports it declares."""

from __future__ import annotations

import json
import os
import socket
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

HOSTS = 254


class Addresses:
    """Addresses by name, kept on disk.

    Two emulators on one machine never meet: the middle of 127.x.y.z is this emulator's HTTPS port, and no two
    programs hold the same port of 127.0.0.1.
    """

    def __init__(self, file: Path, https_port: int, in_use: Callable[[str], bool]) -> None:
        self._file = file
        self._block = f"127.{https_port >> 8}.{https_port & 255}"
        self._in_use = in_use
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def get(self, name: str) -> str:
        """The address of a name, the same one until it is released.

        Raises:
            RuntimeError: all 254 belong to containers that run.
        """
        with self._lock:
            if name not in self._numbers:
                self._numbers[name] = self._free(name)
                self._write()
            return f"{self._block}.{self._numbers[name]}"

    def release(self, name: str) -> None:
        """Gives the address of a name back."""
        with self._lock:
            if self._numbers.pop(name, None) is not None:
                self._write()

    def names(self) -> list[str]:
        """Who has an address."""
        with self._lock:
            return list(self._numbers)

    def _free(self, name: str) -> int:
        taken = set(self._numbers.values())
        first = zlib.crc32(name.encode())
        for step in range(HOSTS):
            number = (first + step) % HOSTS + 1
            if number not in taken:
                return number
        for other, number in list(self._numbers.items()):  # oldest first
            if not self._in_use(f"{self._block}.{number}"):
                del self._numbers[other]
                return number
        raise RuntimeError(f"all {HOSTS} addresses of {self._block}.0/24 belong to running containers; delete some")

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(self._numbers))
        os.replace(temporary, self._file)


def taken_ports(address: str, ports: tuple[int, ...]) -> list[int]:
    """Those of the ports that something listens on already, on this address or on all."""
    return [port for port in ports if not _bindable(address, port)]


def _bindable(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
