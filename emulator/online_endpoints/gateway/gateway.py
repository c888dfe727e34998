"""What clients of online endpoints call: checks who they are, picks a deployment, passes the request on.

It runs on the event loop and asks neither the store nor a thread.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from emulator.access import SCORE
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.online_endpoints.gateway import refusals
from emulator.online_endpoints.gateway.call import DEPLOYMENT, Call
from emulator.online_endpoints.gateway.client_watch import WhileClientWaits
from emulator.online_endpoints.gateway.refusals import Refusal
from emulator.online_endpoints.gateway.request_body import BodyMemory, ClientGone, read_body
from emulator.online_endpoints.gateway.routing import (
    Backend,
    EndpointRoute,
    Instance,
    NoDeployment,
    NotReady,
    RoutingTable,
    TooManyRequests,
)
from emulator.online_endpoints.gateway.upstream import MODEL_ERROR, BrokenAnswer, NotConnected, Outcome, Upstream
from emulator.online_endpoints.metrics.counts import Metrics
from emulator.service import Receive, Scope, Send

# What is counted of a request whose client did not wait for the answer.
CLIENT_GONE = 499
ENTRA_AUDIENCES = ("https://ml.azure.com", "https://ml.azure.com/")
logger = logging.getLogger(__name__)
Verify = Callable[[str], Principal]
"""Who sent a bearer token (the header as sent), and for what; raises `ServiceError` for a token that is not valid."""
Allows = Callable[[str, str, str], bool]
"""Whether a principal may do something to a resource. Asked on the event loop: it must not wait."""


class Gateway:
    """The ASGI application of all endpoints."""

    def __init__(self, table: RoutingTable, metrics: Metrics, verify: Verify, allows: Allows) -> None:
        self.table = table
        self.metrics = metrics
        self.upstream = Upstream()
        self._verify = verify
        self._allows = allows
        self._bodies = BodyMemory()
        self._copies: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Ends what is left over after the last request."""
        for task in list(self._copies):
            task.cancel()
        await asyncio.gather(*self._copies, return_exceptions=True)
        await self.upstream.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope)
        route = self.table.find(call.host)
        if route is None:
            await refuse(call, refusals.no_endpoint(call.host), None, send)
            return
        deployment: str | None = None
        try:
            self._authorize(route, call)
            check_target(call)
            with self._bodies.hold() as hold:
                body = await read_body(call.headers, receive, hold)
                backend = admit(route, call.deployment)
                deployment = backend.name
                outcome = await self._serve(route, backend, call, body, Answer(send), receive)
        except Refusal as refusal:
            await refuse(call, refusal, deployment, send)
            outcome = Outcome(refusal.status, refusal.model_status)
        except ClientGone:
            return
        except BrokenAnswer:
            self._count(route, call, deployment, Outcome(MODEL_ERROR))
            raise
        self._count(route, call, deployment, outcome)

    def _count(self, route: EndpointRoute, call: Call, deployment: str | None, outcome: Outcome) -> None:
        elapsed = time.perf_counter() - call.began
        self.metrics.record(route.resource_id, deployment, outcome.status, outcome.model_status, elapsed)

    def _authorize(self, route: EndpointRoute, call: Call) -> None:
        header = call.headers.get(b"authorization", b"").decode("latin-1")
        scheme, _, given = header.partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise Refusal(401, refusals.BAD_HEADER)
        if route.auth_mode == "Key":
            if not any(hmac.compare_digest(given.strip().encode(), key.encode()) for key in route.keys):
                raise Refusal(401, refusals.WRONG_KEY)
            return
        wanted = ENTRA_AUDIENCES if route.auth_mode == "AADToken" else (route.resource_id.lower(),)
        try:
            principal = self._verify(header)
        except ServiceError:
            raise Refusal(401, refusals.DENIED) from None
        if principal.audience not in wanted or not self._allows(principal.object_id, SCORE, route.resource_id):
            raise Refusal(401, refusals.DENIED)

    async def _serve(
        self, route: EndpointRoute, backend: Backend, call: Call, body: bytes, answer: Answer, receive: Receive
    ) -> Outcome:
        """Serves an admitted request within its time, while its client waits, and counts it out."""
        if route.mirrored and call.deployment is None:
            self._mirror(route, call, body)
        try:
            async with WhileClientWaits(receive, answer.has_ended), asyncio.timeout(backend.limits.timeout):
                return await self._offer(backend, call, body, answer)
        except ClientGone:
            return Outcome(CLIENT_GONE)
        except TimeoutError:
            if answer.started:
                raise BrokenAnswer(f"the answer of '{backend.name}' took longer than its request timeout") from None
            raise refusals.timed_out() from None
        finally:
            backend.leave()

    async def _offer(self, backend: Backend, call: Call, body: bytes, answer: Answer) -> Outcome:
        """Offers the request to instances until one takes the connection."""
        refused: frozenset[Instance] = frozenset()
        while True:
            try:
                instance = await backend.acquire(refused)
            except NotReady:
                raise refusals.not_ready() from None
            try:
                return await self.upstream.forward(call, body, instance, backend.name, answer.send)
            except NotConnected:
                refused |= {instance}
            finally:
                backend.release(instance)

    def _mirror(self, route: EndpointRoute, call: Call, body: bytes) -> None:
        backend = route.admit_mirror()
        if backend is not None:
            task = asyncio.create_task(self._copy(backend, call, body))
            self._copies.add(task)
            task.add_done_callback(self._copies.discard)

    async def _copy(self, backend: Backend, call: Call, body: bytes) -> None:
        try:
            with self._bodies.hold() as hold:
                hold.grow(len(body))
                async with asyncio.timeout(backend.limits.timeout):
                    instance = await backend.acquire(frozenset())
                    try:
                        await self.upstream.copy(call, body, instance)
                    finally:
                        backend.release(instance)
        except (TimeoutError, NotReady, Refusal):
            return
        finally:
            backend.leave()


class Answer:
    """Knows whether the answer has begun, after which no other one can be given, and whether it has ended."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self._ended = False

    def has_ended(self) -> bool:
        """Whether its last part was sent."""
        return self._ended

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Passes an ASGI message on."""
        self.started = True
        self._ended = message["type"] == "http.response.body" and not message.get("more_body")
        await self._send(message)


def check_target(call: Call) -> None:
    """Refuses a request for no path, such as `OPTIONS *`.

    Raises:
        Refusal: 400.
    """
    if not call.target.startswith("/"):
        raise refusals.no_path(call.target)


def admit(route: EndpointRoute, wanted: str | None) -> Backend:
    """The deployment for a request.

    Raises:
        Refusal: none can take it.
    """
    try:
        return route.admit(wanted)
    except NoDeployment:
        raise refusals.no_deployment(wanted) from None
    except NotReady:
        raise refusals.not_ready() from None
    except TooManyRequests:
        raise refusals.too_many() from None


async def refuse(call: Call, refusal: Refusal, deployment: str | None, send: Send) -> None:
    """Answers with a refusal."""
    body = refusal.body.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode()), *refusal.headers()]
    if deployment:
        headers.append((DEPLOYMENT, deployment.encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": [*headers, *call.tracing()]})
    await send({"type": "http.response.body", "body": body})
