"""The gateway when models or clients misbehave: slow, broken, gone, or saying what they should not."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from aiohttp import web

from emulator.online_endpoints.gateway import client_watch
from emulator.online_endpoints.gateway.routing import Instance, RequestLimits
from emulator.online_endpoints.gateway.upstream import BrokenAnswer
from tests.unit.gateway_bench import RESOURCE, Bench, Handler, answer_ok, container, run


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


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_lose_the_length_that_they_name(status: int) -> None:
    async def check(it: Bench) -> None:
        address, _ = await it.serve_bytes(f"HTTP/1.1 {status} -\r\ncontent-length: 10\r\n\r\n".encode())
        it.publish("blue", [Instance("raw", container(), address)])
        it.traffic(blue=100)
        answer = await it.client.get("/score")
        assert (answer.status_code, answer.content) == (424, b"")
        assert answer.headers["ms-azureml-model-error-statuscode"] == str(status)
        assert "content-length" not in answer.headers

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


def test_request_of_a_client_that_left_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_watch, "QUICK_SECONDS", 0.02)

    async def check(it: Bench) -> None:
        stuck, given_up, slow = asyncio.Event(), asyncio.Event(), 0.1

        async def hang(request: web.Request) -> web.StreamResponse:
            if stuck.is_set():
                await asyncio.sleep(slow)
                return await answer_ok(request)
            stuck.set()
            try:
                await asyncio.sleep(60)
            finally:
                given_up.set()
            return web.Response()

        await it.deploy("blue", hang, limits=RequestLimits(1, 30.0))
        it.traffic(blue=100)
        leave = asyncio.Event()
        first = it.connect(b"/score", leave=leave)
        await stuck.wait()
        second = asyncio.create_task(it.post())
        await asyncio.sleep(slow)
        assert not second.done()
        leave.set()
        assert (await asyncio.wait_for(second, 5)).status_code == 200
        await asyncio.wait_for(given_up.wait(), 5)
        await asyncio.wait_for(first, 5)
        (minute,) = it.metrics.minutes(RESOURCE, 0, 1 << 40).values()
        assert sorted(kind.status for kind in minute.requests) == [200, 499]
        assert it.route.backends["blue"].pending == 0

    run(check)


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


def test_mirror_that_redirects_leads_nowhere() -> None:
    async def check(it: Bench) -> None:
        copied, followed = asyncio.Event(), asyncio.Event()

        async def elsewhere(request: web.Request) -> web.StreamResponse:
            followed.set()
            return web.Response()

        address = await it.serve(elsewhere)

        async def redirect(request: web.Request) -> web.StreamResponse:
            copied.set()
            return web.Response(status=307, headers={"location": f"{address}/score"})

        await mirrored(it, redirect)
        assert (await it.post()).status_code == 200
        await asyncio.wait_for(copied.wait(), 5)
        await copies_end(it)
        assert not followed.is_set()

    run(check)


def test_long_answer_of_a_mirror_is_dropped_as_it_comes() -> None:
    block, blocks = b"x" * 100_000, 300

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(blocks):
            await answer.write(block)
        sent.set()
        return answer

    sent = asyncio.Event()

    async def check(it: Bench) -> None:
        await mirrored(it, stream)
        tracemalloc.start()
        try:
            assert (await it.post()).status_code == 200
            await asyncio.wait_for(sent.wait(), 20)
            await copies_end(it)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < blocks * len(block) / 3

    run(check)


async def mirrored(it: Bench, copy: Handler) -> None:
    """A deployment that serves, and one that gets copies of all its requests."""
    await it.deploy("blue", answer_ok)
    await it.deploy("green", copy)
    it.traffic({"green": 100}, blue=100)


async def copies_end(it: Bench) -> None:
    """Until all copies have been answered."""
    while it.route.backends["green"].pending:
        await asyncio.sleep(0)


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
