"""A service without a model: it passes requests on to the deployments behind it, and counts what becomes of them."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from ml.scoring.errors import Refusal, overloaded
from ml.scoring.gateway.forwarding import Forwarding, Unreachable
from ml.scoring.gateway.shares import HEADER, Shares
from ml.scoring.http.answer import Answer, refused
from ml.scoring.http.authorization import Authorization
from ml.scoring.http.routes import ROUTES, Route
from ml.scoring.http.service import Service

if TYPE_CHECKING:
    from ml.scoring.http.protocol import Connection
    from ml.scoring.http.request import Request
    from ml.scoring.settings import Settings

SHARES, REQUESTS, READY = b"/gateway/shares", b"/gateway/requests", b"/ready"
FORWARDED = (b"/score", b"/version", b"/swagger.json")
PATIENCE_SECONDS = 5.0
"""What is added to the time that a deployment has for its answer."""
MINUTES_KEPT = 120


def elsewhere(service: Service) -> Answer:
    """Of a route that `GatewayService.answer` answers itself."""
    raise overloaded("not_ready", "the gateway is starting; try again")


class GatewayService(Service):
    """What a rollout asks here (`/gateway/...`) needs the key, as `/score` does; that of a deployment is the same."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(settings, loop)
        for path in (SHARES, REQUESTS):
            ROUTES[path] = Route(path, elsewhere, recorded=False)
        self.shares: Shares | None = None
        self._authorization = Authorization(settings.scoring_key)
        self._forwarding = Forwarding(settings.scoring_seconds + PATIENCE_SECONDS)
        self._minutes: defaultdict[str, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, shares: Shares) -> None:
        """From now on these hold."""
        self.shares = shares
        self._forwarding.keep_only({one.address for one in shares.deployments.values()})

    def answer(self, request: Request, connection: Connection) -> Answer | None:
        """Forwards what is a deployment's to answer; the rest as every service does."""
        path = request.route.path
        if request.method == b"OPTIONS" or path not in (*FORWARDED, SHARES, REQUESTS, READY):
            return super().answer(request, connection)
        try:
            if path == READY:
                self._require()
                return Answer(200, b'{"status":"ready"}')
            if path in (SHARES, REQUESTS):
                return self._authorization_refused(request) or Answer(200, self._told(path))
            self._require()
        except Refusal as refusal:
            return refused(refusal)
        task = asyncio.get_running_loop().create_task(self._pass_on(request, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    def _require(self) -> Shares:
        if self.shares is None or self.draining:
            raise overloaded("not_ready", "the gateway is starting or ending; try again")
        return self.shares

    def _authorization_refused(self, request: Request) -> Answer | None:
        refusal = self._authorization.refusal(request.headers)
        return refused(refusal) if refusal else None

    def _told(self, path: bytes) -> bytes:
        """What a rollout asks: which shares hold, or requests and failed ones by deployment and minute."""
        return msgspec.json.encode(self.shares if path == SHARES else self._minutes)

    async def _pass_on(self, request: Request, connection: Connection) -> None:
        try:
            answer = await self._answered(request)
        except Refusal as refusal:
            answer = refused(refusal)
        except Exception:  # a defect of ours must not cost the client its answer
            answer = refused(self.failed())
        connection.finish(request, answer)

    async def _answered(self, request: Request) -> Answer:
        """The answer of the deployment that chance or the client has chosen; of another one when it cannot be
        reached and the client does not care.
        """
        shares, named = self.shares, request.headers.get(HEADER)
        if shares is None:
            raise overloaded("not_ready", "the gateway is starting; try again")
        request.id = request.id or self.admission.new_id()
        name = shares.choose(named)
        try:
            return await self._asked(shares, name, request)
        except Unreachable:
            if named is not None:
                raise overloaded("unreachable", "the deployment cannot be reached; try again") from None
        try:
            return await self._asked(shares, shares.choose(None, without=name), request)
        except Unreachable:
            raise overloaded("unreachable", "no deployment can be reached; try again") from None

    async def _asked(self, shares: Shares, name: str, request: Request) -> Answer:
        good = False
        try:
            answer = await self._forwarding.ask(shares.deployments[name].address, request, name)
            good = 200 <= answer.status < 300
        finally:
            if request.route.read is None:
                self._count(name, good)
        return answer

    def _count(self, name: str, good: bool) -> None:
        minutes, now = self._minutes[name], int(time.time() // 60)
        counted = minutes[now]
        counted[0] += 1
        counted[1] += not good
        while len(minutes) > MINUTES_KEPT:
            del minutes[min(minutes)]
