"""Several processes on one port: each is a whole server, and the system spreads connections over them."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import socket
import subprocess
import sys
from types import FrameType
from typing import TYPE_CHECKING

from ml.scoring.http.listener import listening_socket
from ml.scoring.http.server import WORKER
from ml.scoring.log import say

if TYPE_CHECKING:
    from ml.scoring.settings import Settings


def run_workers(settings: Settings) -> int:
    """Start the workers, pass signals on, and return their exit code.

    When one ends by itself the others are ended too: whoever runs the container starts all of them again, and sees it.

    Raises:
        StartError: the address is taken.
    """
    port = _free_port(settings)
    environment = {**os.environ, WORKER: "1", "PORT": str(port)}
    command = [sys.executable, "-m", "ml.scoring"]
    processes: list[subprocess.Popen[bytes]] = []
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        for process in processes:
            process.terminate()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, stop)
    for _ in range(settings.workers):
        # The pipe is never written to: a worker ends when its other end is gone, however this process came to die.
        processes.append(subprocess.Popen(command, env=environment, stdin=subprocess.PIPE))
    if stopping:
        stop(signal.SIGTERM, None)
    ours = {process.pid for process in processes}
    ended, status = os.wait()
    while ended not in ours:  # the first process of a container inherits orphans
        ended, status = os.wait()
    unasked = not stopping
    if unasked:
        say("a worker ended, so all end", logging.ERROR, process=ended, exit_code=os.waitstatus_to_exitcode(status))
        stop(signal.SIGTERM, None)
    codes = [os.waitstatus_to_exitcode(status)]
    codes += [process.wait() for process in processes if process.pid != ended]
    return next((code for code in codes if code > 0), 1) if unasked or any(codes) else 0


def _free_port(settings: Settings) -> int:
    """The port. A worker can bind a port that workers of another server have; this finds out that it is free."""
    alone: socket.socket = listening_socket(dataclasses.replace(settings, workers=1))
    port: int = alone.getsockname()[1]
    alone.close()
    return port
