"""Telemetry against a server that misbehaves by a script: nothing is lost without being counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest

from ml.scoring.records import ModelIdentity, RequestRecord
from ml.scoring.telemetry.connection import Connection
from ml.scoring.telemetry.envelopes import DROPPED
from ml.scoring.telemetry.sender import Item, Telemetry
from ml.scoring.telemetry.tokens import Source, Tokens
from ml.scoring.telemetry.transport import Outcome
from tests.unit.ingestion_server import Answer, IngestionServer, ingestion_server

MODEL = ModelIdentity("bike-buyer", 7, "ab" * 32, "bike_buyer")
KEY = "00000000-0000-0000-0000-00000000abcd"


@pytest.fixture(name="server")
def fixture_server() -> Iterator[IngestionServer]:
    with ingestion_server() as server:
        yield server


def telemetry(server: IngestionServer, **options: Any) -> Telemetry:
    """Telemetry that waits for little; no identity is declared."""
    source = Source(f"{server.url}/token", {}, {}, declared=False)
    connection = Connection(KEY, server.url)
    return Telemetry(
        MODEL, connection, Tokens(source, connection.audience), **{"interval": 0.01, "first_wait": 0.01, **options}
    )


def record(number: int = 0, status: int = 200) -> RequestRecord:
    return RequestRecord(time.time(), 0.004, status, "/score", 3, f"request-{number}")


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Polls with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.005)


def requests(server: IngestionServer) -> list[dict[str, Any]]:
    return [item["data"]["baseData"] for item in server.items if item["data"]["baseType"] == "RequestData"]


def drops(server: IngestionServer) -> list[float]:
    """What each report of drops says."""
    metrics = [item["data"]["baseData"]["metrics"][0] for item in server.items if item["name"].endswith("Metric")]
    assert all(metric["name"] == DROPPED for metric in metrics)
    return [metric["value"] for metric in metrics]


def test_records_arrive_in_order_in_few_requests(server: IngestionServer) -> None:
    subject = telemetry(server, batch=100)
    for number in range(250):
        subject.record(record(number))
    subject.start()
    assert subject.drain(10)
    assert [fields["id"] for fields in requests(server)] == [f"request-{number}" for number in range(250)]
    assert [len(request.items) for request in server.received] == [100, 100, 50]
    assert (subject.sent, subject.dropped, subject.waiting) == (250, 0, 0)


def test_a_full_queue_drops_counts_and_reports(server: IngestionServer) -> None:
    subject = telemetry(server, limit=10)
    for number in range(25):
        subject.record(record(number))
    assert (subject.waiting, subject.dropped) == (10, 15)
    subject.start()
    assert subject.drain(10)
    assert (subject.sent, subject.dropped, drops(server)) == (10, 15, [15.0])


def test_every_record_of_many_threads_is_sent_or_counted(server: IngestionServer) -> None:
    subject = telemetry(server, limit=200, batch=50)
    subject.start()

    def serve() -> None:
        for number in range(500):
            subject.record(record(number))

    work = [threading.Thread(target=serve) for _ in range(4)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    subject.drain(10)
    assert subject.sent + subject.dropped == 2000
    assert subject.sent == len(requests(server))
    assert sum(drops(server)) == subject.dropped


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_failure_that_passes_loses_nothing(server: IngestionServer, status: int) -> None:
    server.script.extend([Answer(status), Answer(status)])
    subject = telemetry(server)
    for number in range(5):
        subject.record(record(number))
    subject.start()
    assert subject.drain(10)
    assert [len(request.items) for request in server.received] == [5, 5, 5]
    assert (subject.sent, subject.dropped) == (5, 0)


@pytest.mark.parametrize("status", [400, 402, 404, 413, 439])
def test_a_refusal_for_good_is_counted_and_reported(server: IngestionServer, status: int) -> None:
    server.script.append(Answer(status))
    subject = telemetry(server)
    for number in range(5):
        subject.record(record(number))
    subject.start()
    assert subject.drain(10)
    assert (subject.sent, subject.dropped, drops(server)) == (0, 5, [5.0])


def test_a_service_that_refuses_everything_is_not_asked_for_ever(server: IngestionServer) -> None:
    server.script.extend([Answer(400)] * 100)
    subject = telemetry(server)
    subject.record(record())
    subject.start()
    until(lambda: len(server.received) == 2)
    assert subject.drain(10)
    assert len(server.received) == 2, "the record and one report of its loss"


def test_a_partial_success_sends_the_rest_again(server: IngestionServer) -> None:
    errors = [
        {"index": 1, "statusCode": 429, "message": "throttled"},
        {"index": 3, "statusCode": 400, "message": "bad"},
        {"index": 4, "statusCode": 500, "message": "later"},
        {"index": 99, "statusCode": 500, "message": "no such item"},
    ]
    server.script.append(Answer(206, {"itemsReceived": 5, "itemsAccepted": 2, "errors": errors}))
    subject = telemetry(server)
    for number in range(5):
        subject.record(record(number))
    subject.start()
    assert subject.drain(10)
    assert [fields["id"] for fields in requests(server)[5:]] == ["request-1", "request-4"]
    assert (subject.sent, subject.dropped, drops(server)) == (4, 1, [1.0])


@pytest.mark.parametrize("value", ["0", formatdate(0, usegmt=True), "9" * 20, f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"])
def test_a_time_to_wait_that_makes_no_sense_loses_nothing(server: IngestionServer, value: str) -> None:
    server.script.append(Answer(503, headers={"retry-after": value}))
    subject = telemetry(server, first_wait=0.4)
    subject.record(record(0))
    subject.start()
    until(lambda: subject._failures == 1)
    subject.record(record(1))
    time.sleep(0.1)
    assert len(server.received) == 1, "it waits"
    assert subject.drain(10)
    assert (subject.sent, subject.dropped) == (2, 0)


@pytest.mark.parametrize(
    ("failures", "named", "lowest", "highest"),
    [
        (0, None, 0.5, 1),
        (3, None, 4, 8),
        (2_000, None, 30, 60),
        (0, 0.0, 0.5, 1),
        (0, 7.0, 7, 7),
        (0, 1e20, 3600, 3600),
    ],
)
def test_how_long_it_waits(
    server: IngestionServer, failures: int, named: float | None, lowest: float, highest: float
) -> None:
    subject = telemetry(server, first_wait=1.0)
    subject._pending = [Item(b"{}")]
    subject._failures = failures
    assert lowest <= subject._settle(Outcome(retry=(0,), wait=named)) <= highest


def test_a_defect_while_a_batch_is_sent_again_ends_nothing(
    server: IngestionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script.append(Answer(503))
    subject = telemetry(server, limit=10)
    settle = subject._settle

    def fail_once(outcome: Outcome) -> float:
        if len(server.received) == 1:
            settle(outcome)
            raise OverflowError
        return settle(outcome)

    monkeypatch.setattr(subject, "_settle", fail_once)
    for number in range(25):
        subject.record(record(number))
    subject.start()
    until(lambda: subject.dropped == 25)
    subject.record(record(25))
    assert subject.drain(10)
    assert (subject.sent, subject.dropped, drops(server)) == (1, 25, [15.0, 25.0])


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_service_says_how_long_to_wait(server: IngestionServer, form: str) -> None:
    value = "1" if form == "seconds" else formatdate(time.time() + 4, usegmt=True)
    server.script.append(Answer(429, headers={"retry-after": value}))
    subject = telemetry(server)
    subject.record(record())
    begin = time.monotonic()
    subject.start()
    until(lambda: subject.sent == 1)
    assert 0.5 < time.monotonic() - begin < 10
    assert subject.drain(5)


def test_a_server_that_comes_back_gets_everything(server: IngestionServer) -> None:
    with ingestion_server() as gone:
        subject = telemetry(gone)
        subject.start()
        subject.record(record(0))
        until(lambda: subject.sent == 1)
    subject._transport._url = f"{server.url}/v2.1/track"  # the same address would need a port nobody takes meanwhile
    for number in range(1, 20):
        subject.record(record(number))
    assert subject.drain(10)
    assert (subject.sent, subject.dropped) == (20, 0)


def test_a_drain_ends_in_time_and_counts_what_is_left(server: IngestionServer) -> None:
    server.script.extend([Answer(hang=True)] * 50)
    subject = telemetry(server)
    subject.start()
    for number in range(5):
        subject.record(record(number))
    until(lambda: bool(server.received))
    begin = time.monotonic()
    assert not subject.drain(0.3)
    assert time.monotonic() - begin < 5
    assert subject.sent + subject.dropped == 5
    subject.record(record())
    assert subject.sent + subject.dropped == 6, "what comes after the drain is counted"


def test_record_never_raises_and_never_waits(server: IngestionServer) -> None:
    server.script.extend([Answer(hang=True)] * 50)
    subject = telemetry(server, limit=1000)
    subject.start()
    begin = time.perf_counter()
    for number in range(50_000):
        subject.record(record(number))
    assert time.perf_counter() - begin < 5
    subject.drain(0.1)
    assert subject.sent + subject.dropped == 50_000


def test_a_record_that_is_no_json_is_counted_and_the_others_go(server: IngestionServer) -> None:
    subject = telemetry(server)
    subject.record(record()._replace(request_id="\ud800"))
    subject.record(record(1))
    subject.start()
    assert subject.drain(10)
    assert (subject.sent, subject.dropped, drops(server)) == (1, 1, [1.0])


def test_trouble_is_logged_once(server: IngestionServer, caplog: pytest.LogCaptureFixture) -> None:
    server.script.extend([Answer(500)] * 20)
    subject = telemetry(server, first_wait=0.0)
    subject.record(record())
    with caplog.at_level(logging.INFO):
        subject.start()
        assert subject.drain(10)
    said = [message for message in caplog.messages if "does not take all" in message]
    assert len(said) == 1
    assert said[0].endswith("it answers 500; 1 records wait for another try, 0 were refused")
