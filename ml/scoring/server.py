"""The life of one serving process: listen, load, serve, drain."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from typing import TYPE_CHECKING

from ml.scoring.errors import StartError
from ml.scoring.log import say
from ml.scoring.protocol import Connection
from ml.scoring.service import Service

if TYPE_CHECKING:
    from ml.scoring.records import ModelIdentity
    from ml.scoring.scorer import Scorer
    from ml.scoring.settings import Settings
    from ml.scoring.telemetry import Telemetry

WORKER = "SCORING_WORKER"
"""Set in the environment of a process that is one of several."""
PIPE = 0
"""Such a process's standard input is a pipe from the first one, which closes when that dies."""
TICK_SECONDS = 0.25
BACKLOG = 2_048
TELEMETRY_SECONDS = 5.0
"""What telemetry gets at least for its last batch."""


def listening_socket(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say; shared with other workers if there are any.

    Raises:
        StartError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if settings.workers > 1:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((settings.host, settings.port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise StartError(
            f"cannot listen on HOST {settings.host}, PORT {settings.port}: {error.strerror}; is it in use? "
            "choose another PORT"
        ) from None
    made.setblocking(False)
    return made


class Server:
    """Serves until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._begin = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._service = Service(settings, self._loop)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Everything from the open port to the last answer.

        Raises:
            StartError, ml.jobkit.errors.JobError: the model folder or the address is wrong.
        """
        for one in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(one, self._stopping.set)
        if os.environ.get(WORKER):
            self._loop.add_reader(PIPE, self._stop_with_parent)
        listener = listening_socket(self._settings)
        server = await self._loop.create_server(lambda: Connection(self._service), sock=listener)
        ticking = self._loop.create_task(self._tick())
        host, port = listener.getsockname()[:2]
        say("listening", host=host, port=port, process=os.getpid())
        try:
            if await self._load():
                await self._stopping.wait()
                await self._drain(server)
        finally:
            ticking.cancel()
            server.close()

    def _stop_with_parent(self) -> None:
        self._loop.remove_reader(PIPE)
        self._stopping.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._service.tick()

    async def _load(self) -> bool:
        """Load the model, unless the server is stopped meanwhile."""
        loading = self._loop.create_task(asyncio.to_thread(load, self._settings, self._loop))
        stopping = self._loop.create_task(self._stopping.wait())
        await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            os._exit(0)  # a thread inside the runtime cannot be ended, and nobody has been answered yet
        stopping.cancel()
        self._service.scorer = loading.result()
        self._service.telemetry = start_telemetry(self._service.scorer.model.identity)
        gc.collect()
        gc.freeze()  # what lives as long as the process need not be looked at again
        identity = self._service.scorer.model.identity
        seconds = round(time.monotonic() - self._begin, 3)
        say("ready", model=identity.name, version=identity.version, sha256=identity.sha256, seconds=seconds)
        return True

    async def _drain(self, server: asyncio.Server) -> None:
        """Answer what is on its way and what is in flight; every answer now closes its connection.

        The port stays open for a moment, because a closed one would drop connections that the system has accepted
        already, and load balancers learn of the end from `/ready` only at their next look.
        """
        service = self._service
        service.draining = True
        say("draining", connections=len(service.connections))
        await asyncio.sleep(self._settings.linger_seconds)
        server.close()
        deadline = self._loop.time() + self._settings.drain_seconds
        for connection in [one for one in service.connections if one.idle]:
            connection.leave()
        while service.connections and self._loop.time() < deadline:
            await asyncio.sleep(0.02)
        left = len(service.connections)
        for connection in list(service.connections):
            connection.transport.abort()
        dropped = await asyncio.to_thread(end_telemetry, service.telemetry, deadline - self._loop.time())
        level = logging.WARNING if left or dropped else logging.INFO
        say("stopped", level, unanswered_connections=left, telemetry_dropped=dropped)


def load(settings: Settings, loop: asyncio.AbstractEventLoop) -> Scorer:
    """Load the model, with the imports that this needs: they take most of the time before the server is ready."""
    from ml.scoring.scorer import load_scorer

    return load_scorer(settings, loop)


def start_telemetry(identity: ModelIdentity) -> Telemetry | None:
    """Telemetry, when the environment asks for it.

    Raises:
        StartError: it asks in a way that cannot be followed.
    """
    if not os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
        return None
    from ml.scoring.telemetry import ConnectionStringError, Telemetry

    try:
        telemetry = Telemetry.from_environment(identity)
    except ConnectionStringError as error:
        raise StartError(str(error)) from None
    if telemetry is not None:
        telemetry.start()
    return telemetry


def end_telemetry(telemetry: Telemetry | None, seconds: float) -> int:
    """Send what is left. Returns how many records were lost."""
    if telemetry is None:
        return 0
    telemetry.drain(max(seconds, TELEMETRY_SECONDS))
    return telemetry.dropped
