"""Processes found by their environment: what a program starts inherits it, into whatever session or parent it moves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import psutil

CONTAINER = "EMULATOR_CONTAINER"
"""The variable of a container's processes; its value is that of one start: `<container's folder>#<eight digits>`."""
Mark = Callable[[Mapping[str, str]], bool]
"""Whether an environment is that of a wanted process."""


def end_marked(mark: Mark) -> None:
    """SIGKILL to all processes that carry a mark, and to those that they start meanwhile; never to this process."""
    killed: set[psutil.Process] = set()
    # Nobody is waited for: the exit code of a child of this process belongs to whoever started it.
    while fresh := set(marked(mark)) - killed:
        for process in fresh:
            with suppress(psutil.Error):
                process.kill()
        killed |= fresh


def marked(mark: Mark) -> Iterator[psutil.Process]:
    """Processes whose environment can be read and is wanted."""
    for pid in psutil.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if pid != os.getpid() and mark(process.environ()):
                yield process
