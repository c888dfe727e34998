"""The job's own process and everything it starts."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 5.0
POLL_SECONDS = 0.1


def adopt_orphans() -> None:
    """Makes this process the parent of whatever its descendants leave behind, so that nothing escapes."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(command: str, directory: Path, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Starts the command line in a session of its own."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            ["/bin/bash", "-c", command],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait(process: subprocess.Popen[bytes], stop: Callable[[], str | None]) -> tuple[int | None, str | None]:
    """Waits for the end, or until `stop` gives a reason to end it: exit code and that reason."""
    while True:
        try:
            return process.wait(timeout=POLL_SECONDS), None
        except subprocess.TimeoutExpired:
            reason = stop()
        if reason:
            end_descendants(GRACE_SECONDS)
            return process.poll(), reason


def end_descendants(grace: float) -> None:
    """Ends every process below this one: SIGTERM, and SIGKILL after `grace` seconds."""
    deadline = time.monotonic() + grace
    for member in descendants(os.getpid()):
        send(member, signal.SIGTERM)
    while left := descendants(os.getpid()):
        if time.monotonic() > deadline:
            for member in left:
                send(member, signal.SIGKILL)
        if time.monotonic() > deadline + GRACE_SECONDS:
            return
        time.sleep(POLL_SECONDS / 2)


def descendants(root: int) -> list[int]:
    """Processes below one, those that have ended left out."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (found := parent_of(int(entry))) is not None:
            parents.setdefault(found, []).append(int(entry))
    below, queue = [], list(parents.get(root, []))
    while queue:
        member = queue.pop()
        below.append(member)
        queue += parents.get(member, [])
    return below


def parent_of(process: int) -> int | None:
    """The parent of a process, None when it has ended."""
    try:
        state, parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else int(parent)


def send(process: int, number: signal.Signals) -> None:
    """Signals a process that may have just ended."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return
