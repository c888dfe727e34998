"""Processes the emulator runs: services that end with it, and detached work that it adopts again after a restart."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ProcessHandle:
    """A process by its id and start time (seconds since the epoch): a reused id is never mistaken for it."""

    pid: int
    started: float

    def to_json(self) -> dict[str, Any]:
        """For a document's `private` part."""
        return {"pid": self.pid, "started": self.started}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> ProcessHandle | None:
        """The handle that `to_json` wrote."""
        return cls(int(value["pid"]), float(value["started"])) if value else None

    def process(self) -> psutil.Process | None:
        """The process when it is still this one and not a zombie."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


class Runtime:
    """Starts, adopts and stops processes."""

    def __init__(self) -> None:
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._requests: queue.Queue[tuple[Callable[[], Any], queue.Queue[Any]] | None] = queue.Queue()
        # The kernel's parent-death signal is tied to the thread that forked: one thread that lives as long as the
        # emulator forks all.
        threading.Thread(target=self._fork_loop, name="runtime", daemon=True).start()

    def start(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        log: Path,
        detached: bool = False,
    ) -> ProcessHandle:
        """Starts a process in a session of its own, its output appended to `log`.

        Args:
            detached: outlives the emulator; otherwise the kernel ends it when the emulator is gone.

        Raises:
            OSError: the program cannot be started.
        """

        def fork() -> ProcessHandle:
            with log.open("ab") as output:
                child = subprocess.Popen(
                    list(arguments),
                    cwd=directory,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=None if detached else die_with_parent,
                )
            self._children[child.pid] = child
            return ProcessHandle(child.pid, psutil.Process(child.pid).create_time())

        answer: queue.Queue[Any] = queue.Queue()
        self._requests.put((fork, answer))
        result = answer.get()
        if isinstance(result, BaseException):
            raise result
        handle: ProcessHandle = result
        return handle

    def alive(self, handle: ProcessHandle) -> bool:
        """Whether the process still runs; reaps it when it was ours and has ended."""
        child = self._children.get(handle.pid)
        if child is not None and child.poll() is not None:
            self._children.pop(handle.pid, None)
        return handle.process() is not None

    def stop(self, handle: ProcessHandle, grace: float = 5.0) -> None:
        """Ends a process and all it started: SIGTERM, and SIGKILL after `grace` seconds."""
        process = handle.process()
        if process is None:
            return
        family = [process, *process.children(recursive=True)]
        for member in family:
            _send(member, signal.SIGTERM)
        _, stubborn = psutil.wait_procs(family, timeout=grace)
        for member in stubborn:
            _send(member, signal.SIGKILL)
        psutil.wait_procs(stubborn, timeout=grace)
        self.alive(handle)

    def _fork_loop(self) -> None:
        while (request := self._requests.get()) is not None:
            fork, answer = request
            try:
                answer.put(fork())
            except BaseException as error:  # the caller raises it
                answer.put(error)


def die_with_parent() -> None:
    """Runs in the child between fork and exec: asks the kernel to end it when the emulator is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:
            os._exit(1)


def _send(process: psutil.Process, what: signal.Signals) -> None:
    try:
        process.send_signal(what)
    except psutil.Error:
        return
