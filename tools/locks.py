"""Locks that a killed `pulumi` leaves in a file backend."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Lock:
    """One lock file: who took it."""

    file: Path
    pid: int
    host: str
    taken: datetime

    @property
    def stale(self) -> bool:
        """Whether the process that took it ran on this machine and is gone (another may have its number by now)."""
        if self.host != socket.gethostname():
            return False
        try:
            return psutil.Process(self.pid).create_time() > self.taken.timestamp() + 1
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False


def find_locks(backend: Path, project: str, stack: str) -> list[Lock]:
    """The locks on a stack, in the file backend's `.pulumi/locks/organization/<project>/<stack>/<id>.json`."""
    found = []
    for file in sorted((backend / ".pulumi" / "locks" / "organization" / project / stack).glob("*.json")):
        try:
            content = json.loads(file.read_text())
            taken = datetime.fromisoformat(content["timestamp"])
            found.append(Lock(file, int(content["pid"]), str(content["hostname"]), taken))
        except FileNotFoundError:
            continue  # let go of in the meantime
        except (ValueError, KeyError, TypeError):
            found.append(Lock(file, 0, "unreadable", datetime.fromtimestamp(file.stat().st_mtime).astimezone()))
    return found
