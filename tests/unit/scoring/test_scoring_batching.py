"""Requests scored together: nobody gets another's answer, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest

from ml.jobkit import features, onnx_export
from ml.scoring.http.answer import Answer
from ml.scoring.http.request import Request
from ml.scoring.model import watchdog
from ml.scoring.model.batching import Batching
from ml.scoring.model.job import Job, batches
from ml.scoring.model.lane import PART_ROWS, Lane
from ml.scoring.model.loading import load_model
from ml.scoring.model.results import Results
from ml.scoring.settings import Settings
from tests.unit.scoring.models import OLD_AGE, write_model
from tests.unit.scoring.running import JSON, SECONDS, Scoring, posted, serving

CLIENTS = 16
REQUESTS = 150


@pytest.mark.parametrize("thread", ["never", "always"])
def test_nobody_gets_the_answer_of_another(
    model: Path, rows: list[dict[str, Any]], asked: pd.DataFrame, tmp_path: Path, thread: str
) -> None:
    specification = features.load(model / "features.yaml")
    known = onnx_export.answer(onnx_export.session(model / "model.onnx"), specification, asked, ["probability"])[
        "probability"
    ]
    with serving(model, tmp_path / "log", scoring_thread=thread) as scoring:

        def client(seed: int) -> tuple[int, int]:
            chosen, wrong = random.Random(seed), 0
            connection = http.client.HTTPConnection("127.0.0.1", scoring.port, timeout=30)
            for _ in range(REQUESTS):
                picks = [chosen.randrange(len(rows)) for _ in range(chosen.randint(1, 3))]
                connection.request("POST", "/score", json.dumps({"data": [rows[pick] for pick in picks]}), JSON)
                found = json.loads(connection.getresponse().read())["result"]
                wrong += [one["probability"] for one in found] != [float(known[pick]) for pick in picks]
            connection.close()
            return REQUESTS, wrong

        with ThreadPoolExecutor(CLIENTS) as pool:
            counts = list(pool.map(client, range(CLIENTS)))
    assert sum(asked for asked, _ in counts) == CLIENTS * REQUESTS
    assert sum(wrong for _, wrong in counts) == 0


def test_batches_keep_order_and_size() -> None:
    def job(rows: int) -> Job:
        return Job(Request(0.0), [()] * rows, b"", lambda request, answer: None)

    jobs = [job(size) for size in (1, 60, 3, 1, 200, 64, 2)]
    found = list(batches(jobs, 64))
    assert [job for batch in found for job in batch] == jobs
    assert [[len(job.values) for job in batch] for batch in found] == [[1, 60, 3], [1], [200], [64], [2]]
    assert list(batches([], 64)) == []


@pytest.fixture
def lane(model: Path) -> Lane:
    loaded = load_model(model)
    return Lane(loaded, Results(loaded.identity, loaded.outputs))


def test_a_long_request_is_given_up_between_two_parts(lane: Lane, row: dict[str, Any]) -> None:
    jobs = [Job(Request(0.0), [tuple(row.values())] * 1_000, b"", lambda request, answer: None) for _ in range(3)]
    jobs[1].request.abandoned = True
    jobs[2].deadline = time.monotonic() - 1
    for job in jobs:
        lane.score([job])
    assert [job.answer and job.answer.status for job in jobs] == [200, 499, 504]


def test_a_long_batch_of_several_gives_each_its_own_answer(lane: Lane, rows: list[dict[str, Any]]) -> None:
    """In parts as well, as long as somebody waits for one of them."""
    values = [tuple(row.values()) for row in rows]
    cut = [0, 60, 61, 190, len(values)]
    jobs = [Job(Request(0.0), values[a:b] * 2, b"", lambda request, answer: None) for a, b in pairwise(cut)]
    alone = [Job(Request(0.0), job.values, b"", lambda request, answer: None) for job in jobs]
    jobs[0].request.abandoned = True
    assert sum(len(job.values) for job in jobs) > PART_ROWS
    lane.score(jobs)
    for one, job in zip(alone, jobs, strict=True):
        lane.score([one])
        assert job.answer is not None
        assert one.answer is not None
        assert job.answer.body == one.answer.body
        assert job.answer.body.count(b"probability") == len(job.values)


def test_a_long_batch_is_given_up_when_nobody_waits(lane: Lane, row: dict[str, Any]) -> None:
    jobs = [Job(Request(0.0), [tuple(row.values())] * 200, b"", lambda request, answer: None) for _ in range(2)]
    jobs[0].request.abandoned = True
    jobs[1].deadline = time.monotonic() - 1
    lane.score(jobs)
    assert [job.answer and job.answer.status for job in jobs] == [499, 504]


def test_the_fault_of_one_is_not_the_fault_of_all(lane: Lane, row: dict[str, Any]) -> None:
    good, bad = tuple(row.values()), ("a row that no decoder makes",)
    jobs = [Job(Request(0.0), [values], b"", lambda request, answer: None) for values in (good, bad, good)]
    lane.score(jobs)
    assert [job.answer and job.answer.status for job in jobs] == [200, 500, 200]
    assert jobs[1].answer is not None
    assert b"decoder" not in jobs[1].answer.body


def test_a_number_that_is_none_is_no_answer(model: Path) -> None:
    loaded = load_model(model)
    results = Results(loaded.identity, ["probability", "label"])
    assert b"0.5" in results.body([[0.5], ["null"]])
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not finite"):
            results.body([[0.5, value], [1, 0]])


def test_a_call_that_cannot_be_ended_ends_the_process(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    dog = watchdog.Watchdog([lane], 5)
    for age, expected in ((None, []), (1, []), (6, []), (5 + watchdog.GRACE_SECONDS + 1, [watchdog.EXIT_CODE])):
        lane.started = None if age is None else time.monotonic() - age
        dog._look_at(lane)
        assert codes == expected


class Stuck:
    """A lane whose model does not come to an end before it is told to."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def score(self, jobs: Sequence[Job]) -> float:
        self.begun.set()
        assert self.go.wait(SECONDS)
        return 0.0


def test_nothing_is_kept_of_a_request_that_was_given_up() -> None:
    """Though the thread, which still works for one before it, has not come to it."""

    def job() -> Job:
        def finish(request: Request, answer: Answer) -> None: ...

        return Job(Request(0.0), [()], b"", finish)

    async def scenario() -> object:
        stuck = Stuck()
        lane = cast("Lane", stuck)
        batching = Batching(Settings(scoring_thread="always"), asyncio.get_running_loop(), lane, lane)
        first, second = job(), job()
        for one in (first, second):
            batching.submit(one)
            await asyncio.to_thread(stuck.begun.wait, SECONDS)
            one.request.abandoned = True
            batching.expire(0.0)
        found = weakref.ref(second.finish)
        del second, one
        kept = found()
        stuck.go.set()
        return kept

    assert asyncio.run(scenario()) is None


@pytest.fixture(scope="module")
def slow_model(asked: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call takes some 20 ms, and minutes when somebody is very old."""
    young = asked[asked["Age"] <= OLD_AGE]
    return write_model(tmp_path_factory.mktemp("slow") / "model", young, turns=20, old_age_turns=100_000)


@pytest.fixture(params=["auto", "never"])
def slow(request: pytest.FixtureRequest, slow_model: Path, tmp_path: Path) -> Iterator[Scoring]:
    with serving(slow_model, tmp_path / "log", scoring_seconds=1, scoring_thread=request.param) as running:
        yield running


def test_a_call_that_hangs_is_ended_and_the_next_one_is_answered(slow: Scoring, row: dict[str, Any]) -> None:
    begin = time.monotonic()
    reply = slow.score(row | {"Age": 120})
    assert (reply.status, reply.code) == (504, "scoring_timeout")
    assert time.monotonic() - begin < 10
    reply = slow.score(row)
    assert reply.status == 200


def test_health_is_answered_while_a_slow_model_works(slow_model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    with serving(slow_model, tmp_path / "log", scoring_seconds=3) as slow:
        assert slow.said("model measured")["in_thread"] is True
        with slow.connect() as client:
            body = json.dumps({"data": [row | {"Age": 120}]}).encode()
            client.send(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            asked, begin = 0, time.monotonic()
            while time.monotonic() - begin < 1:
                one = time.monotonic()
                assert slow.ask("GET", "/").status == 200
                assert time.monotonic() - one < 0.5
                asked += 1
            assert asked >= 10
            assert client.reply().status == 504


def test_a_full_queue_says_when_to_come_back(slow_model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    with serving(slow_model, tmp_path / "log", max_queue=2, max_queue_rows=100) as slow:
        everybody = threading.Barrier(8)

        def client(_: int) -> tuple[int, str | None]:
            everybody.wait()
            reply = slow.score(row)
            return reply.status, reply.headers.get("retry-after")

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(client, range(8)))
        assert set(found) == {(200, None), (503, "1")}
        reply = slow.score(*[row] * 101)
        assert (reply.status, reply.code) == (503, "queue_full")
        assert slow.score(row).status == 200


def test_a_quick_model_has_no_queue(model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    """What comes in one turn of the loop is gone when it ends, however much: only connections are limited."""
    with serving(model, tmp_path / "log", max_queue=2, max_queue_rows=150) as quick, ExitStack() as stack:
        clients = [stack.enter_context(quick.connect()) for _ in range(100)]
        with quick.stopped():
            for client in clients:
                client.send(posted([row] * 2))
        assert [client.reply().status for client in clients] == [200] * 100
        assert quick.score(*[row] * 150).status == 200
        reply = quick.score(*[row] * 151)
        assert (reply.status, reply.code) == (503, "queue_full"), "a long request goes to the thread"


def test_who_has_gone_is_not_scored(slow_model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    """Requests of clients that gave up are dropped, so that those who still wait are served."""
    with serving(slow_model, tmp_path / "log", scoring_seconds=20, batch_rows=1) as slow:
        body = json.dumps({"data": [row]}).encode()
        ask = b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        for _ in range(200):
            with slow.connect() as client:
                client.send(ask)
        begin = time.monotonic()
        assert slow.score(row).status == 200
        assert time.monotonic() - begin < 2, "200 calls of 20 ms would take longer"
        metrics = slow.ask("GET", "/metrics").body
        assert b"scoring_requests_waiting" in metrics
        assert b'status="499"' in metrics
        assert b'status="504"' not in metrics, "who has left has not waited too long"
