"""The gateway of online endpoints in front of real servers: who gets which request, and what clients are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from aiohttp import web

from emulator.containers.container import Container
from emulator.errors import ServiceError
from emulator.online_endpoints import request_body
from emulator.online_endpoints.gateway import Gateway
from emulator.online_endpoints.metrics import Metrics
from emulator.online_endpoints.routing import EndpointRoute, Instance, RequestLimits, RoutingTable
from emulator.online_endpoints.upstream import BrokenAnswer

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
        self.gateway = Gateway(self.table, self.metrics, self.audience)
        self.route: EndpointRoute = self.table.endpoint(HOST, RESOURCE)
        self.table.set_access(self.route, "Key", KEYS)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.gateway),
            base_url=f"https://{HOST}:1",
            headers={"authorization": f"Bearer {KEYS[0]}"},
        )
        self.runners: list[web.AppRunner] = []

    def audience(self, header: str) -> str:
        """Tokens here are their own audience."""
        if header.endswith("expired"):
            raise ServiceError(401, "ExpiredAuthenticationToken", "")
        return header.removeprefix("Bearer ")

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
        for runner in made.runners:
            await runner.cleanup()


def run(test: Callable[[Bench], Awaitable[None]]) -> None:
    """Runs a test's coroutine on a bench of its own."""

    async def whole() -> None:
        async with bench() as made:
            await test(made)

    asyncio.run(whole())


def test_requests_are_shared_out_by_percentages() -> None:
    async def check(it: Bench) -> None:
        await it.deploy("blue", answer_ok)
        await it.deploy("green", answer_ok)
        it.traffic(blue=90, green=10)
        answers = [await it.post() for _ in range(1000)]
        count = Counter(one.headers["azureml-model-deployment"] for one in answers)
        assert {one.status_code for one in answers} == {200}
        assert 70 <= count["green"] <= 130
        # Not every tenth: a client that asks in turns must not always meet the same deployment.
        at = [number for number, one in enumerate(answers) if one.headers["azureml-model-deployment"] == "green"]
        assert len({after - before for before, after in pairwise(at)}) > 3

    run(check)


def test_header_picks_a_deployment_without_traffic() -> None:
    async def check(it: Bench) -> None:
        await it.deploy("blue", answer_ok)
        await it.deploy("green", answer_ok)
        it.traffic(blue=100)
        picked = [await it.post(headers={"azureml-model-deployment": "green"}) for _ in range(20)]
        assert {one.headers["azureml-model-deployment"] for one in picked} == {"green"}
        unknown = await it.post(headers={"azureml-model-deployment": "red"})
        assert (unknown.status_code, "'red'" in unknown.text) == (404, True)
        it.traffic()
        assert (await it.post()).status_code == 404

    run(check)


def test_path_query_and_body_go_through_and_the_key_does_not() -> None:
    seen: list[dict[str, str]] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        seen.append({name.lower(): value for name, value in request.headers.items()})
        return await answer_ok(request)

    async def check(it: Bench) -> None:
        await it.deploy("blue", remember)
        it.traffic(blue=100)
        headers = {"x-ms-client-request-id": "run 7/" + "x" * 60, "x-request-id": "mine", "x-other": "kept"}
        answer = await it.post("/v1/models/a%2Fb:predict?verbose=1", content=b"\x00\xff", headers=headers)
        assert answer.json() == {"path": "/v1/models/a%2Fb:predict?verbose=1", "body": "00ff"}
        assert seen[0]["x-other"] == "kept"
        assert "authorization" not in seen[0]
        assert answer.headers["x-ms-client-request-id"] == "run7" + "x" * 36
        assert answer.headers["x-request-id"] == seen[0]["x-request-id"] != "mine"

    run(check)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "key_auth_bad_header_forbidden"),
        (KEYS[0], "key_auth_bad_header_forbidden"),
        ("Basic abc", "key_auth_bad_header_forbidden"),
        ("Bearer ", "key_auth_bad_header_forbidden"),
        ("Bearer nonsense", "key_auth_access_denied"),
        (f"Bearer {KEYS[0]}x", "key_auth_access_denied"),
    ],
)
def test_wrong_keys_are_refused(header: str, said: str) -> None:
    async def check(it: Bench) -> None:
        await it.deploy("blue", answer_ok)
        it.traffic(blue=100)
        answer = await it.post(headers={"authorization": header})
        assert (answer.status_code, answer.text) == (401, said)
        assert (await it.post(headers={"authorization": f"bearer {KEYS[1]}"})).status_code == 200

    run(check)


def test_tokens_are_for_one_endpoint_or_for_azure_ml() -> None:
    async def check(it: Bench) -> None:
        await it.deploy("blue", answer_ok)
        it.traffic(blue=100)
        wanted = {"AMLToken": RESOURCE.lower(), "AADToken": "https://ml.azure.com"}
        for mode, right in wanted.items():
            it.table.set_access(it.route, mode, KEYS)
            for token in (*wanted.values(), KEYS[0], "expired"):
                answer = await it.post(headers={"authorization": f"Bearer {token}"})
                assert answer.status_code == (200 if token == right else 401), (mode, token)

    run(check)


def test_answers_of_the_model_that_are_not_200_become_424() -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "row 3"}, status=422)

    async def check(it: Bench) -> None:
        await it.deploy("blue", refuse)
        it.traffic(blue=100)
        answer = await it.post()
        assert (answer.status_code, answer.json()) == (424, {"error": "row 3"})
        assert answer.headers["ms-azureml-model-error-statuscode"] == "422"
        assert answer.headers["ms-azureml-model-error-reason"] == "model_error"

    run(check)


def test_slow_model_is_given_up_and_its_place_is_free_again() -> None:
    async def check(it: Bench) -> None:
        stuck, gone = asyncio.Event(), asyncio.Event()

        async def hang(request: web.Request) -> web.StreamResponse:
            if stuck.is_set():
                return await answer_ok(request)
            stuck.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                gone.set()
                raise
            return web.Response()

        await it.deploy("blue", hang, limits=RequestLimits(1, 0.2))
        it.traffic(blue=100)
        answer = await it.post()
        assert (answer.status_code, answer.text) == (408, "upstream request timeout")
        assert (await it.post()).status_code == 200
        assert it.route.backends["blue"].pending == 0
        await asyncio.wait_for(gone.wait(), 5)

    run(check)


def test_twice_the_concurrency_is_admitted_and_waits_in_line() -> None:
    async def check(it: Bench) -> None:
        free, at_once, most = asyncio.Event(), 0, 0

        async def wait(request: web.Request) -> web.StreamResponse:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await free.wait()
            at_once -= 1
            return web.Response(text="ok")

        await it.deploy("blue", wait, limits=RequestLimits(2, 5.0))
        it.traffic(blue=100)
        tasks = [asyncio.create_task(it.post()) for _ in range(6)]
        refused = {task for task in tasks if (await first_done(tasks, task, 2))}
        free.set()
        answers = await asyncio.gather(*tasks)
        assert sorted(one.status_code for one in answers) == [200, 200, 200, 200, 429, 429]
        assert {one.headers.get("ms-azureml-model-error-reason") for one in answers if one.status_code == 429} == {
            "too_many_pending_request"
        }
        assert (len(refused), most) == (2, 2)

    run(check)


async def first_done(tasks: list[asyncio.Task[httpx.Response]], task: asyncio.Task[httpx.Response], count: int) -> bool:
    """Waits until so many of the tasks have ended; whether this one has."""
    pending = set(tasks)
    while len(tasks) - len(pending) < count:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    return task.done()


def test_instances_that_are_not_ready_get_nothing() -> None:
    async def check(it: Bench) -> None:
        one, two = await it.deploy("blue", answer_ok, answer_ok)
        it.traffic(blue=100)
        one.container.ready = False
        assert {(await it.post()).status_code for _ in range(10)} == {200}
        two.container.ready = False
        answer = await it.post()
        assert (answer.status_code, answer.headers["ms-azureml-model-error-reason"]) == (503, "model_not_ready")

    run(check)


def test_refused_connection_goes_to_another_instance() -> None:
    async def check(it: Bench) -> None:
        (one,) = await it.deploy("blue", answer_ok)
        dead = Instance("dead", container(), "http://127.0.0.1:1")
        it.publish("blue", [dead, one])
        it.traffic(blue=100)
        assert {(await it.post()).status_code for _ in range(10)} == {200}
        it.publish("blue", [dead])
        assert (await it.post()).status_code == 503

    run(check)


def test_request_is_never_sent_twice() -> None:
    received = []

    async def hang_up(request: web.Request) -> web.StreamResponse:
        received.append(await request.read())
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def check(it: Bench) -> None:
        await it.deploy("blue", hang_up, hang_up)
        it.traffic(blue=100)
        answer = await it.post(content=b"order")
        assert (answer.status_code, received) == (424, [b"order"])

    run(check)


def test_connections_that_the_server_closed_are_not_used_again() -> None:
    async def check(it: Bench) -> None:
        async def last(request: web.Request) -> web.StreamResponse:
            answer = web.Response(text="bye")
            answer.force_close()
            return answer

        await it.deploy("blue", last)
        it.traffic(blue=100)
        assert {(await it.post()).status_code for _ in range(20)} == {200}

    run(check)


def test_long_answers_are_passed_on_as_they_come() -> None:
    block = b"x" * 100_000

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(20):
            await answer.write(block)
        return answer

    async def check(it: Bench) -> None:
        await it.deploy("blue", stream)
        it.traffic(blue=100)
        assert (await it.post()).content == block * 20

    run(check)


def test_answer_that_breaks_off_ends_the_connection_and_counts_as_failed() -> None:
    async def stop_half_way(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-length": "1000000"})
        await answer.prepare(request)
        await answer.write(b"x" * 1000)
        assert request.transport is not None
        request.transport.close()
        return answer

    async def check(it: Bench) -> None:
        await it.deploy("blue", stop_half_way)
        it.traffic(blue=100)
        with pytest.raises(BrokenAnswer):
            await it.post()
        (minute,) = it.metrics.minutes(RESOURCE, 0, 1 << 40).values()
        assert [kind.status for kind in minute.requests] == [424]
        assert it.route.backends["blue"].pending == 0

    run(check)


def test_bodies_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "MOST_BYTES", 1000)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    async def check(it: Bench) -> None:
        await it.deploy("blue", answer_ok)
        it.traffic(blue=100)
        assert (await it.post(content=b"x" * 1001)).status_code == 413
        assert (await it.post(content=parts())).status_code == 413
        assert (await it.post(content=b"x" * 1000)).status_code == 200
        assert it.route.backends["blue"].pending == 0

    run(check)


def test_withdrawn_deployment_ends_its_requests_first() -> None:
    async def check(it: Bench) -> None:
        free, began = asyncio.Event(), asyncio.Event()

        async def wait(request: web.Request) -> web.StreamResponse:
            began.set()
            await free.wait()
            return web.Response(text="late")

        await it.deploy("blue", wait)
        it.traffic(blue=100)
        task = asyncio.create_task(it.post())
        await began.wait()
        drained = asyncio.create_task(asyncio.to_thread(it.table.withdraw, it.route, "blue", 5.0))
        while "blue" in it.route.backends:
            await asyncio.sleep(0)
        assert (await it.post()).status_code == 404
        assert not drained.done()
        free.set()
        assert (await task).text == "late"
        assert await drained

    run(check)


def test_mirror_gets_copies_and_clients_do_not_notice() -> None:
    async def check(it: Bench) -> None:
        copies, enough = 0, asyncio.Event()

        async def shadow(request: web.Request) -> web.StreamResponse:
            nonlocal copies
            copies += 1
            if copies == 10:
                enough.set()
            return web.Response(status=500)

        await it.deploy("blue", answer_ok)
        await it.deploy("green", shadow)
        it.traffic({"green": 50}, blue=100)
        answers = [await it.post() for _ in range(100)]
        assert {one.headers["azureml-model-deployment"] for one in answers} == {"blue"}
        assert {one.status_code for one in answers} == {200}
        await asyncio.wait_for(enough.wait(), 5)

    run(check)


def test_hosts_nobody_has_are_not_found() -> None:
    async def check(it: Bench) -> None:
        answer = await it.client.post("https://other.westeurope.inference.ml.localhost:1/score")
        assert answer.status_code == 404

    run(check)


def test_requests_are_counted() -> None:
    async def check(it: Bench) -> None:
        await it.deploy("blue", answer_ok)
        it.traffic(blue=100)
        for _ in range(3):
            await it.post()
        await it.post(headers={"authorization": "Bearer no"})
        counted: Counter[tuple[str, int]] = Counter()
        for minute in it.metrics.minutes(RESOURCE, 0, 1 << 40).values():
            for kind, count in minute.requests.items():
                counted[kind.deployment, kind.status] += count
        assert counted == {("blue", 200): 3, ("", 401): 1}

    run(check)
