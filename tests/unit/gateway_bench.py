"""A gateway in front of real servers, for tests of who gets which request and what clients are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
from aiohttp import web

from emulator.containers.container import Container
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.online_endpoints.gateway.gateway import Gateway
from emulator.online_endpoints.gateway.routing import EndpointRoute, Instance, RequestLimits, RoutingTable
from emulator.online_endpoints.metrics.counts import Metrics

HOST = "bike.westeurope.inference.ml.localhost"
RESOURCE = "/subscriptions/s/resourceGroups/g/providers/M/workspaces/w/onlineEndpoints/bike"
KEYS = ("first-key", "second-key")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def answer_ok(request: web.Request) -> web.StreamResponse:
    """A model that is content with everything."""
    return web.json_response({"path": request.path_qs, "body": (await request.read()).hex()})


class Bench:
    """A gateway with deployments behind it."""

    def __init__(self) -> None:
        self.table = RoutingTable()
        self.metrics = Metrics()
        self.gateway = Gateway(self.table, self.metrics, self.verify, lambda *question: True)
        self.route: EndpointRoute = self.table.endpoint(HOST, RESOURCE)
        self.table.set_access(self.route, "Key", KEYS)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.gateway),
            base_url=f"https://{HOST}:1",
            headers={"authorization": f"Bearer {KEYS[0]}"},
        )
        self.runners: list[web.AppRunner] = []
        self.servers: list[asyncio.Server] = []

    def verify(self, header: str) -> Principal:
        """Tokens here are their own audience."""
        if header.endswith("expired"):
            raise ServiceError(401, "ExpiredAuthenticationToken", "")
        return Principal("somebody", "", header.removeprefix("Bearer "))

    async def serve(self, handler: Handler) -> str:
        """A server on a port of its own."""
        application = web.Application(client_max_size=1 << 26)
        application.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        self.runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def serve_bytes(self, answer: bytes) -> tuple[str, list[bytes]]:
        """A server that answers with these bytes; its address, and the heads of the requests that it gets."""
        heads: list[bytes] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        self.servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads

    async def deploy(self, name: str, *handlers: Handler, limits: RequestLimits | None = None) -> list[Instance]:
        """A deployment with one instance for each handler."""
        instances = [
            Instance(f"{name}-{one}", container(), await self.serve(handler)) for one, handler in enumerate(handlers)
        ]
        self.publish(name, instances, limits)
        return instances

    def publish(self, name: str, instances: list[Instance], limits: RequestLimits | None = None) -> None:
        """Makes instances known to the gateway."""
        backend = self.table.backend(self.route, name)
        self.table.set_instances(backend, tuple(instances), limits or RequestLimits(64, 5.0))

    def traffic(self, mirror: dict[str, int] | None = None, **shares: int) -> None:
        """Sets the traffic map."""
        self.table.set_traffic(self.route, shares, mirror or {})

    async def post(self, path: str = "/score", **options: Any) -> httpx.Response:
        """A request as clients send it."""
        return await self.client.post(path, **{"content": b"{}", **options})

    def connect(self, target: bytes, method: str = "POST", leave: asyncio.Event | None = None) -> asyncio.Task[int]:
        """A request by ASGI, for what httpx does not send; the status of its answer, 0 for none.

        Args:
            leave: when it is set, the client closes its connection.
        """
        messages = [{"type": "http.request", "body": b"{}"}]
        statuses = [0]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await (leave or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            statuses.append(message.get("status", statuses[-1]))

        async def ask() -> int:
            await self.gateway(scope, receive, send)
            return statuses[-1]

        headers = [(b"host", HOST.encode()), (b"authorization", f"Bearer {KEYS[0]}".encode())]
        scope = {"type": "http", "method": method, "raw_path": target, "path": target.decode(), "headers": headers}
        return asyncio.create_task(ask())


def container(*, ready: bool = True) -> Container:
    """What the gateway needs of a container."""
    return cast(Container, SimpleNamespace(ready=ready))


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A bench, taken down afterwards."""
    made = Bench()
    try:
        yield made
    finally:
        await made.client.aclose()
        await made.gateway.close()
        for server in made.servers:
            server.close()
        for runner in made.runners:
            await runner.cleanup()


def run(test: Callable[[Bench], Awaitable[None]]) -> None:
    """Runs a test's coroutine on a bench of its own."""

    async def whole() -> None:
        async with bench() as made:
            await test(made)

    asyncio.run(whole())
