"""What all connections of a process share: settings, model, counters, and the checks of a request's headers."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from typing import TYPE_CHECKING

from ml.scoring import VERSION
from ml.scoring.answer import Answer, refused
from ml.scoring.authorization import Authorization
from ml.scoring.counters import Counters
from ml.scoring.errors import Refusal, overloaded
from ml.scoring.log import logger
from ml.scoring.records import RequestRecord
from ml.scoring.routes import OTHER, ROUTES

if TYPE_CHECKING:
    from ml.scoring.protocol import Connection
    from ml.scoring.request import Request
    from ml.scoring.scorer import Scorer
    from ml.scoring.settings import Settings
    from ml.scoring.telemetry import Telemetry

LONGEST_ID = 100
"""Characters of a caller's request id."""
LONGEST_RECORDED_PATH = 200


class Service:
    """One process's service; used on its event loop only."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = settings
        self.scorer: Scorer | None = None
        """None until the model is loaded and checked."""
        self.telemetry: Telemetry | None = None
        self.draining = False
        self.connections: set[Connection] = set()
        self.held_bytes = 0
        self.counters = Counters()
        self.now = 0.0
        """The loop's clock, as of the last tick: exact enough for time limits, and free."""
        self.stamp = b""
        self._loop = loop
        self._authorization = Authorization(settings.scoring_key)
        self._prefix = os.urandom(8).hex().encode()
        self._numbers = itertools.count(1)
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

    # -- a request's headers

    def admit(self, request: Request, *, upgrade: bool) -> Refusal | None:
        """Check all that is known before the body: None, or why the request is refused."""
        request.route = ROUTES.get(request.url) or ROUTES.get(request.path) or OTHER
        return self._identify(request) or self._check_protocol(request, upgrade) or self._check_route(request)

    def _identify(self, request: Request) -> Refusal | None:
        headers = request.headers
        given = headers.get(b"x-request-id", b"")
        client = headers.get(b"x-ms-client-request-id", b"")
        for name, value in (("x-request-id", given), ("x-ms-client-request-id", client)):
            if len(value) > LONGEST_ID:
                return Refusal(431, "request_id_too_long", f"{name} is limited to {LONGEST_ID} characters")
            if value and not (value.isascii() and value.decode().isprintable()):
                return Refusal(400, "invalid_request_id", f"{name} must be of printable ASCII characters")
        request.id = given or self.new_id()
        if client:
            request.echo = b"x-ms-client-request-id: %b\r\n" % client
        return None

    def _check_protocol(self, request: Request, upgrade: bool) -> Refusal | None:
        headers = request.headers
        if request.version not in ("1.1", "1.0"):
            return Refusal(505, "http_version", f"HTTP/{request.version} is not spoken here; use HTTP/1.1")
        if request.repeated:
            return Refusal(400, "repeated_header", f"the header {request.repeated.decode()} must come once")
        if request.version == "1.1" and b"host" not in headers:
            return Refusal(400, "missing_host", "HTTP/1.1 wants the header Host")
        if request.method == b"CONNECT" or upgrade:
            return Refusal(400, "upgrade", "this server speaks HTTP/1.1 only; leave out CONNECT and the header Upgrade")
        if request.content_length > self.settings.max_body_bytes:
            return self.too_large()
        if headers.get(b"expect", b"100-continue").lower() != b"100-continue":
            return Refusal(417, "expectation", "100-continue is the only expectation that is met")
        return None

    def _check_route(self, request: Request) -> Refusal | None:
        route = request.route
        if route is OTHER:
            if request.url == b"*" and request.method == b"OPTIONS":
                return None
            paths = ", ".join(path.decode() for path in ROUTES)
            return Refusal(404, "no_such_path", f"there is nothing at this path; there are {paths}")
        if request.method not in route.methods:
            message = f"{route.path.decode()} takes {b', '.join(route.methods).decode()}"
            return Refusal(405, "method_not_allowed", message, headers=route.allow)
        if route.read is None and request.method == b"POST":
            return self._authorization.refusal(request.headers) or _check_content(request)
        return None

    # -- answers

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
        from ml.scoring.batching import Job

        scorer = self.loaded()
        rows = scorer.decoding.rows(request.body)
        request.body = b""
        request.rows = len(rows.values)
        warning = b""
        if rows.warning:
            warning = b"x-scoring-warning: %b\r\n" % rows.warning.encode("ascii", "backslashreplace")
        scorer.batching.submit(Job(request, rows.values, warning, connection.finish))

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

    # -- refusals

    def too_large(self) -> Refusal:
        limit = self.settings.max_body_bytes
        return Refusal(413, "body_too_large", f"a body is limited to {limit} bytes; send the rows in several requests")

    def failed(self) -> Refusal:
        """500, for what is a defect of the server; called while the exception is handled."""
        logger.exception("a request failed")
        return Refusal(500, "internal", "the server failed; its log has the reason")

    def new_id(self) -> bytes:
        """An id for a request that came without one."""
        return b"%b-%x" % (self._prefix, next(self._numbers))


def _check_content(request: Request) -> Refusal | None:
    kind = request.headers.get(b"content-type", b"application/json")
    if kind != b"application/json":
        media, _, parameters = kind.lower().partition(b";")
        charset = parameters.partition(b"charset=")[2].strip(b' "')
        if media.strip() != b"application/json" or charset not in (b"", b"utf-8", b"utf8"):
            return Refusal(415, "not_json", "send JSON in UTF-8 with the header content-type: application/json")
    if request.headers.get(b"content-encoding", b"identity").lower() != b"identity":
        headers = b"accept-encoding: identity\r\n"
        return Refusal(415, "encoded", "send the body as it is, without content-encoding", headers=headers)
    return None
