"""The gateway of online endpoints in front of real servers: who gets which request, and what clients are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise

import httpx
import pytest
from aiohttp import web

from emulator.online_endpoints.gateway import request_body
from emulator.online_endpoints.gateway.routing import Instance, RequestLimits
from tests.unit.gateway_bench import KEYS, RESOURCE, Bench, answer_ok, container, run


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


def test_header_bytes_go_through_as_they_are() -> None:
    async def check(it: Bench) -> None:
        address, heads = await it.serve_bytes(b"HTTP/1.1 200 OK\r\nx-name: caf\xe9\r\ncontent-length: 2\r\n\r\nok")
        it.publish("blue", [Instance("raw", container(), address)])
        it.traffic(blue=100)
        given = [(b"x-name", b"caf\xe9"), (b"x-other", "ж".encode())]
        answer = await it.client.get("/score", headers=given)
        assert (answer.text, dict(answer.headers.raw)[b"x-name"]) == ("ok", b"caf\xe9")
        assert set(heads[0].split(b"\r\n")) >= {name + b": " + value for name, value in given}

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


def test_request_for_no_path_is_a_400() -> None:
    async def check(it: Bench) -> None:
        await it.deploy("blue", answer_ok)
        it.traffic(blue=100)
        client = it.connect(b"*", method="OPTIONS")
        assert await client == 400
        assert it.route.backends["blue"].pending == 0

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


def test_bodies_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "MOST_BYTES_TOGETHER", 1000)
    free = asyncio.Event()

    async def wait(request: web.Request) -> web.StreamResponse:
        await free.wait()
        return web.Response(text="late")

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 100

    async def check(it: Bench) -> None:
        await it.deploy("blue", wait)
        it.traffic(blue=100)
        first = asyncio.create_task(it.post(content=b"x" * 600))
        while it.route.backends["blue"].pending == 0:
            await asyncio.sleep(0)
        for body in (b"x" * 401, parts()):
            refused = await it.post(content=body)
            assert (refused.status_code, "larger than 1000 bytes" in refused.text) == (429, True)
        second = asyncio.create_task(it.post(content=b"x" * 400))
        free.set()
        assert [(await one).text for one in (first, second)] == ["late", "late"]
        assert (await it.post(content=b"x" * 1000)).status_code == 200

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
