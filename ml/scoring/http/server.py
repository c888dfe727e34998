"""The life of one serving process: listen, load, serve, drain."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
from typing import TYPE_CHECKING

from ml.scoring.errors import StartError
from ml.scoring.http.listener import BACKLOG, drop_beginnings, listening_socket, take_all
from ml.scoring.http.protocol import Connection
from ml.scoring.http.service import Service
from ml.scoring.log import logger, say

if TYPE_CHECKING:
    import socket

    from ml.scoring.model.scorer import Scorer
    from ml.scoring.records import ModelIdentity
    from ml.scoring.settings import Settings
    from ml.scoring.telemetry.sender import Telemetry

WORKER = "SCORING_WORKER"
"""Set in the environment of a process that is one of several."""
PIPE = 0
"""Such a process's standard input is a pipe from the first one, which closes when that dies."""
TICK_SECONDS = 0.25
LOOK_SECONDS = 0.02
HANDSHAKE_SECONDS = 0.1
"""Within this time connections that have begun are whole."""
TELEMETRY_SECONDS = 5.0
"""What telemetry gets at least for what waits, also when draining has used up its time."""


class Server:
    """Serves until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._begin = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self.service = self.make_service()
        self._stopping = asyncio.Event()

    def make_service(self) -> Service:
        """What answers the requests."""
        return Service(self.settings, self._loop)

    async def run(self) -> None:
        """Everything from the open port to the last answer.

        Raises:
            StartError, ml.jobkit.errors.JobError: the model folder or the address is wrong.
        """
        for one in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(one, self._stopping.set)
        if os.environ.get(WORKER):
            self._loop.add_reader(PIPE, self._stop_with_parent)
        ticking = self._loop.create_task(self._tick())
        try:
            await self._serve()
        finally:
            ticking.cancel()

    async def _serve(self) -> None:
        """One process listens first, so that its health is seen while a large model loads. Of several only those that
        are ready may listen: the system gives connections to all that do.
        """
        first = self.settings.workers > 1
        if first:
            await self.load()
        listener = listening_socket(self.settings)
        server = await self._loop.create_server(lambda: Connection(self.service), sock=listener, backlog=BACKLOG)
        host, port = listener.getsockname()[:2]
        say("listening", host=host, port=port, process=os.getpid())
        if not first:
            await self.load()
        self.announce()
        await self._stopping.wait()
        await self._drain(server, listener)

    def _stop_with_parent(self) -> None:
        self._loop.remove_reader(PIPE)
        self._stopping.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self.service.tick()
            except Exception:  # without it no time limit would hold any more
                logger.exception("a tick failed")

    async def load(self) -> None:
        """Load the model; ends the process when it is told to stop meanwhile."""
        loading = self._loop.create_task(asyncio.to_thread(load, self.settings, self._loop))
        stopping = self._loop.create_task(self._stopping.wait())
        await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            os._exit(0)  # a thread inside the runtime cannot be ended, and nobody has been answered yet
        stopping.cancel()
        self.service.scorer = loading.result()
        self.service.telemetry = start_telemetry(self.service.scorer.model.identity)
        gc.collect()
        gc.freeze()  # what lives as long as the process need not be looked at again

    def announce(self) -> None:
        """Says that it is ready."""
        identity, seconds = self.service.loaded().model.identity, round(time.monotonic() - self._begin, 3)
        say("ready", model=identity.name, version=identity.version, sha256=identity.sha256, seconds=seconds)

    async def _drain(self, server: asyncio.Server, listener: socket.socket) -> None:
        """Answer what is on its way and what is in flight; every answer now closes its connection.

        The port stays open for a moment, because a closed one would drop connections that the system has accepted
        already, and load balancers learn of the end from `/ready` only at their next look.
        """
        service = self.service
        service.draining = True
        say("draining", connections=len(service.connections))
        await asyncio.sleep(self.settings.linger_seconds)
        drop_beginnings(listener)
        await asyncio.sleep(HANDSHAKE_SECONDS)
        accepted = take_all(listener)
        server.close()
        for one in accepted:
            await self._loop.connect_accepted_socket(lambda: Connection(service), one)
        deadline = self._loop.time() + self.settings.drain_seconds
        first_word = self._loop.time() + self.settings.linger_seconds
        while service.connections and self._loop.time() < deadline:
            for connection in service.connections:
                # A new one has a request on its way that nobody could have taken back.
                if not connection.fresh or self._loop.time() > first_word:
                    connection.leave()
            await asyncio.sleep(LOOK_SECONDS)
        left = len(service.connections)
        for connection in service.connections:
            connection.transport.abort()
        dropped = await asyncio.to_thread(end_telemetry, service.telemetry, deadline - self._loop.time())
        level = logging.WARNING if left or dropped else logging.INFO
        say("stopped", level, unanswered_connections=left, telemetry_dropped=dropped)


def load(settings: Settings, loop: asyncio.AbstractEventLoop) -> Scorer:
    """Load the model, with the imports that this needs: they take most of the time before the server is ready."""
    from ml.scoring.model.scorer import load_scorer

    return load_scorer(settings, loop)


def start_telemetry(identity: ModelIdentity) -> Telemetry | None:
    """Telemetry, when the environment asks for it.

    Raises:
        StartError: it asks in a way that cannot be followed.
    """
    if not os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
        return None
    from ml.scoring.telemetry.sender import ConnectionStringError, Telemetry

    try:
        telemetry = Telemetry.from_environment(identity)
    except ConnectionStringError as error:
        raise StartError(str(error)) from None
    if telemetry is not None:
        telemetry.start()
    return telemetry


def end_telemetry(telemetry: Telemetry | None, seconds: float) -> int:
    """Send what waits, for so many seconds or `TELEMETRY_SECONDS`, whichever is more. Returns how many records were
    lost in all.
    """
    if telemetry is None:
        return 0
    telemetry.drain(max(seconds, TELEMETRY_SECONDS))
    return telemetry.dropped
