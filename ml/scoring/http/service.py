"""What all connections of a process share: settings, model, counters."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ml.scoring import VERSION
from ml.scoring.errors import Refusal, overloaded
from ml.scoring.http.admission import Admission
from ml.scoring.http.answer import Answer, refused
from ml.scoring.http.connections import Connections
from ml.scoring.http.counters import Counters
from ml.scoring.log import logger
from ml.scoring.model.job import Job
from ml.scoring.records import RequestRecord

if TYPE_CHECKING:
    from ml.scoring.http.protocol import Connection
    from ml.scoring.http.request import Request
    from ml.scoring.model.scorer import Scorer
    from ml.scoring.settings import Settings
    from ml.scoring.telemetry.sender import Telemetry

LONGEST_RECORDED_PATH = 200


class Service:
    """One process's service; used on its event loop only."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = settings
        self.admission = Admission(settings)
        self.scorer: Scorer | None = None
        """None until the model is loaded and checked."""
        self.telemetry: Telemetry | None = None
        self.draining = False
        self.connections = Connections(settings.max_connections)
        self.held_bytes = 0
        """Of requests that are arriving or waiting, whole or not yet parsed, and of those that a slow model scores."""
        self.counters = Counters()
        self.now = 0.0
        """The loop's clock, as of the last tick: exact enough for time limits, and free."""
        self.stamp = b""
        self._loop = loop
        self.tick()

    def tick(self) -> None:
        """Called a few times a second: the clock, the date, and whatever took too long."""
        self.now = self._loop.time()
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode()
        self.stamp = b"date: %b\r\nx-ms-server-version: mlops-scoring/%b\r\n" % (date, VERSION.encode())
        for connection in [one for one in self.connections if one.deadline < self.now]:
            connection.expire()
        if self.scorer is not None:
            self.scorer.batching.expire(self.now)

    def loaded(self) -> Scorer:
        """The model.

        Raises:
            Refusal: 503 until it is loaded.
        """
        if self.scorer is None:
            raise overloaded("not_ready", "the model is still loading; try again")
        return self.scorer

    def answer(self, request: Request, connection: Connection) -> Answer | None:
        """The answer of an admitted request; None when it comes later, through the connection's `finish`."""
        route = request.route
        try:
            if request.method == b"OPTIONS":
                return Answer(200, b"", headers=route.allow)
            if route.read is not None:
                return route.read(self)
            self._score(request, connection)
        except Refusal as refusal:
            return refused(refusal)
        except Exception:  # a defect of ours must not cost the client its answer
            return refused(self.failed())
        return None

    def _score(self, request: Request, connection: Connection) -> None:
        scorer = self.loaded()
        rows = scorer.decoding.rows(request.body)
        request.body = b""  # its rows take its place, so that it is held until they are scored
        request.rows = len(rows.values)
        warning = b""
        if rows.warning:
            warning = b"x-scoring-warning: %b\r\n" % rows.warning.encode("ascii", "backslashreplace")
        scorer.batching.submit(Job(request, rows.values, warning, connection.finish, rows.listed))

    def record(self, request: Request, answer: Answer) -> None:
        """Count an answer that was sent, and tell telemetry."""
        scored = request.rows if answer.status == 200 else 0
        self.counters.answers[answer.status] += 1
        self.counters.rows += scored
        if self.telemetry is not None and request.route.recorded:
            duration = time.perf_counter() - request.started
            path = request.path[:LONGEST_RECORDED_PATH].decode("latin-1")
            self.telemetry.record(
                RequestRecord(time.time() - duration, duration, answer.status, path, scored, request.id.decode())
            )

    def failed(self) -> Refusal:
        """500, for what is a defect of the server; called while the exception is handled."""
        logger.exception("a request failed")
        return Refusal(500, "internal", "the server failed; its log has the reason")
