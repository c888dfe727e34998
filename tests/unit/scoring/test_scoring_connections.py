"""Connections: how many there may be, who makes room, and how idle ones end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from ml.scoring.http.connections import GUESTS, LEAST_IDLE_SECONDS, MOST_TRIED, Connections
from ml.scoring.http.protocol import Connection
from tests.unit.scoring.running import Client, Scoring, get, posted, serving, until

BEGUN = b"POST /score HTTP/1.1\r\n"
"""Of a request that is still arriving, so that its connection is busy."""


def test_an_idle_connection_is_closed_without_a_word(model: Path, tmp_path: Path) -> None:
    with serving(model, tmp_path / "log", keep_alive_seconds=0.5) as short, short.connect() as client:
        client.send(get())
        assert client.reply().status == 200
        assert client.all_replies() == []
        with short.connect() as silent:
            assert silent.all_replies() == []


@pytest.fixture(scope="module")
def two(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scoring]:
    """A server that takes two connections."""
    with serving(model, tmp_path_factory.mktemp("two") / "log", max_connections=2) as running:
        yield running


@pytest.fixture(name="pair")
def fixture_pair(two: Scoring) -> Iterator[tuple[Client, Client]]:
    """Both of them; the first has been idle for longer."""
    until(lambda: two.gauge("scoring_connections") == 1, two.log)
    with two.connect() as first, two.connect() as second:
        for client in (first, second):
            client.send(get())
            assert client.reply().status == 200
        yield first, second


def test_the_one_that_has_been_idle_longest_makes_room(
    two: Scoring, pair: tuple[Client, Client], row: dict[str, Any]
) -> None:
    first, second = pair
    until(lambda: two.score(row).status == 200, two.log)
    assert first.all_replies() == []
    second.send(get())
    assert second.reply().status == 200


def test_a_request_that_has_come_already_is_not_lost_for_it(
    two: Scoring, pair: tuple[Client, Client], row: dict[str, Any]
) -> None:
    first, second = pair
    time.sleep(LEAST_IDLE_SECONDS * 2)  # nothing tells how long a connection has been idle
    with ExitStack() as stack:
        with two.stopped():
            third = stack.enter_context(two.connect())
            for client in (first, third):
                client.send(posted([row]))
        assert [client.reply().status for client in (first, third)] == [200, 200]
    assert second.all_replies() == []


def test_whoever_looks_after_the_server_is_answered_though_all_are_busy(
    two: Scoring, pair: tuple[Client, Client], row: dict[str, Any]
) -> None:
    for client in pair:
        client.send(BEGUN)
    until(lambda: two.score(row).code == "too_many_connections", two.log)
    refused = two.score(row)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    for path in ("/", "/ready", "/metrics"):
        reply = two.ask("GET", path)
        assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert two.ask("GET", "/version").code == "too_many_connections"
    for client in pair:
        client.send(get()[len(b"GET / HTTP/1.1\r\n") :])
        assert client.reply().code == "empty_body"
    assert two.score(row).status == 503, "these two were used a moment ago"


def test_there_is_an_end_even_for_them(two: Scoring, pair: tuple[Client, Client]) -> None:
    with ExitStack() as stack:
        for client in (*pair, *(stack.enter_context(two.connect()) for _ in range(GUESTS))):
            client.send(BEGUN)
        with two.connect() as one_too_many:
            assert [reply.code for reply in one_too_many.all_replies()] == ["too_many_connections"]
    until(lambda: two.gauge("scoring_connections") == 3, two.log)


class Idle:
    """A connection on which something has just arrived, or not."""

    def __init__(self, *, leaves: bool) -> None:
        self.leaves = leaves
        self.asked = 0

    def leave(self) -> bool:
        self.asked += 1
        return self.leaves


def connections(idle: list[Idle], since: float) -> Connections:
    found = Connections(len(idle))
    for one in idle:
        assert found.add(cast("Connection", one), since)
        found.idle[cast("Connection", one)] = since
    return found


def test_a_new_one_costs_the_same_however_many_there_are() -> None:
    idle = [Idle(leaves=False) for _ in range(1_000)]
    assert not connections(idle, 0.0).add(cast("Connection", Idle(leaves=True)), 100.0)
    assert sum(one.asked for one in idle) == MOST_TRIED


def test_those_that_were_just_used_do_not_push_out_each_other() -> None:
    idle = [Idle(leaves=True) for _ in range(10)]
    found = connections(idle, 100.0)
    assert not found.add(cast("Connection", Idle(leaves=True)), 100.0 + LEAST_IDLE_SECONDS / 2)
    assert sum(one.asked for one in idle) == 0
    assert found.add(cast("Connection", Idle(leaves=True)), 100.0 + LEAST_IDLE_SECONDS)
    assert [one.asked for one in idle] == [1] + [0] * 9
