"""Who works on a stack: our own lock in the checkout, and the locks that a killed `pulumi` leaves in a file backend."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from tools.progress import Progress
from tools.state_file import backend_folder


@contextmanager
def alone(path: Path, doing: str, progress: Progress | None = None) -> Iterator[None]:
    """Waits until nobody else holds this lock, saying who does, and holds it; a process that ends lets go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            with (progress or Progress()).step(f"Waiting for {handle.read().strip() or 'another process'}"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        handle.write(f"{doing} (process {os.getpid()})")
        handle.flush()
        yield


@dataclass(frozen=True)
class Lock:
    """One lock file: who took it. One that cannot be read was cut off: Pulumi writes it beside and renames it."""

    file: Path
    pid: int
    host: str
    taken: datetime
    readable: bool = True

    @property
    def stale(self) -> bool:
        """Whether the process that took it ran on this machine and is gone (another may have its number by now)."""
        if not self.readable:
            return not any(works_on(self.file.parents[5]))
        if self.host != socket.gethostname():
            return False
        try:
            process = psutil.Process(self.pid)
            return process.status() == psutil.STATUS_ZOMBIE or process.create_time() > self.taken.timestamp() + 1
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False

    @property
    def holder(self) -> str:
        """Who took it, in words."""
        if not self.readable:
            pid = next(works_on(self.file.parents[5]), 0)
            return f"process {pid} on this machine (its lock {self.file.name} cannot be read)"
        return f"process {self.pid} on {self.host} since {self.taken:%Y-%m-%d %H:%M}"


def works_on(backend: Path) -> Iterator[int]:
    """The CLIs on this machine that work with a file backend now."""
    for process in psutil.process_iter(["name"]):
        if process.info["name"] != "pulumi":
            continue
        try:
            url = process.environ().get("PULUMI_BACKEND_URL", "")
        except psutil.Error:
            continue
        if backend_folder(url) == backend and process.status() != psutil.STATUS_ZOMBIE:
            yield process.pid


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
            found.append(Lock(file, 0, "", datetime.fromtimestamp(file.stat().st_mtime).astimezone(), readable=False))
    return found
