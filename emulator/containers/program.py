"""A started program with all that it starts: its end, its memory, where it listens."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from emulator.containers.marked_processes import CONTAINER, end_marked

PR_SET_PDEATHSIG = 1
KERNEL_NAMES_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Program:
    """A process in a session of its own.

    Args:
        mark: the value of the variable that all it starts inherits; empty for a client of programs that run elsewhere.
    """

    def __init__(self, process: asyncio.subprocess.Process, mark: str) -> None:
        self._process = process
        self._mark = mark
        self.pid = process.pid

    async def wait(self) -> int:
        """Its exit code, 128 + n after signal n, as shells and Kubernetes write it."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def leader(self) -> int:
        """Its first process."""
        return self.pid

    def terminate(self) -> None:
        """SIGTERM, to itself only: how its children end is its business."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    async def kill(self) -> None:
        """SIGKILL, to all of it; when it has ended, to what it has left behind, daemons in their own sessions too."""
        await asyncio.to_thread(self._kill)

    async def out_of_memory(self) -> bool:
        """Whether something else than the emulator ended it for its memory."""
        return False

    def resident_bytes(self) -> int:
        """Memory of all of it, shared pages counted once for each process that has them."""
        return sum(_resident(process) for process in family(self.leader()))

    def proportional_bytes(self) -> int:
        """Memory of all of it, shared pages divided among those that share them; slower to find."""
        return sum(_proportional(process) for process in family(self.leader()))

    def listening(self) -> set[tuple[str, int]]:
        """Addresses and ports on which any of it listens."""
        found: set[tuple[str, int]] = set()
        for process in family(self.leader()):
            with suppress(psutil.Error):
                found |= {
                    (connection.laddr.ip, connection.laddr.port)
                    for connection in process.net_connections("tcp")
                    if connection.status == psutil.CONN_LISTEN
                }
        return found

    def _kill(self) -> None:
        for process in family(self.pid):
            with suppress(psutil.Error):
                process.kill()
        if self._mark:
            end_marked(lambda environment: environment.get(CONTAINER) == self._mark)


async def start_program(
    arguments: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path
) -> Program:
    """Starts a program that ends, at once, with the thread that starts it (the kernel sees to it).

    Raises:
        OSError: it cannot be started.
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=directory,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    return Program(process, environment.get(CONTAINER, ""))


def die_with_parent() -> None:
    """Runs between fork and exec. SIGKILL, since a program that hangs must not outlive the emulator either."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def family(pid: int) -> Iterator[psutil.Process]:
    """The process with this id, its descendants, and what else is in its session."""
    seen: dict[int, None] = {}
    waiting = [pid]
    while waiting:
        one = waiting.pop(0)
        if one not in seen:
            seen[one] = None
            waiting += children(one)
    for one in (*seen, *(other for other in session(pid) if other not in seen)):
        with suppress(psutil.Error):
            yield psutil.Process(one)


def children(pid: int) -> list[int]:
    """What a process has started and is its child still. The kernel says it of each thread; asking the parent of every
    process on the machine costs ten times as much, and every container is looked at twice a second.
    """
    if not KERNEL_NAMES_CHILDREN:
        with suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children()]
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_bytes().split())
    return found


def session(leader: int) -> Iterator[int]:
    """Processes of a session."""
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) == leader:
                yield pid


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _proportional(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.Error, AttributeError):
        return _resident(process)
