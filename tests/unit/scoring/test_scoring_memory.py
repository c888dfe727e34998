"""What clients can make the server hold in memory, with a key and without."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.scoring.models import OLD_AGE, write_model
from tests.unit.scoring.running import Scoring, get, posted, serving, until

MUCH = 60_000_000
"""Bytes of requests that nobody reads answers to."""
CLIENTS = 20
A_CLIENT = 700_000
"""Most bytes of memory that one client may take with requests it reads no answers to."""
MEGABYTE = 1_000_000


def test_a_client_that_does_not_read_is_held_up_then_cut_off(scoring: Scoring) -> None:
    before = scoring.memory
    with unread(scoring) as made:
        ask, sent = get(b"/swagger.json") * 1_000, 0
        # Until the server stops reading; what the system buffers on the way is some megabytes.
        while sent < MUCH and select.select([], [made], [], 0.5)[1]:
            sent += made.send(ask)
        assert sent < MUCH
        until(lambda: scoring.gauge("scoring_connections") == 1, scoring.log)
    assert scoring.memory - before < 20 * MEGABYTE
    scoring.assert_alive()


def unread(scoring: Scoring) -> socket.socket:
    """A connection that takes hardly any answers."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.connect(("127.0.0.1", scoring.port))
    made.setblocking(False)
    return made


def test_what_many_small_requests_of_theirs_take_is_bounded(scoring: Scoring) -> None:
    """They all arrive at once, so that one read finds thousands behind the first answers that nobody takes."""
    scoring.ask("GET", "/swagger.json")
    before = scoring.memory
    with ExitStack() as stack:
        clients = [stack.enter_context(unread(scoring)) for _ in range(CLIENTS)]
        with scoring.stopped():
            sent = [client.send(get(b"/swagger.json") * 700 + get() * 50_000) for client in clients]
        assert min(sent) > A_CLIENT, "too little to show anything"
        for _ in range(3):
            scoring.assert_alive()
        assert scoring.memory - before < CLIENTS * A_CLIENT


@pytest.fixture(scope="module")
def slow_model(asked: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes seconds when somebody is very old."""
    folder = tmp_path_factory.mktemp("slow") / "model"
    return write_model(folder, asked[asked["Age"] <= OLD_AGE], old_age_turns=1_000)


def test_requests_that_wait_for_a_slow_model_are_held(slow_model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    """Until they are answered; then there is room again."""
    slow = posted([row | {"Age": 120}], 2 * MEGABYTE)
    settings = {"scoring_thread": "always", "max_held_bytes": 5 * MEGABYTE}
    with serving(slow_model, tmp_path / "log", **settings) as scoring, ExitStack() as stack:
        first, second, third = (stack.enter_context(scoring.connect()) for _ in range(3))
        for number, client in enumerate((first, second)):
            client.send(slow)
            until(lambda: scoring.gauge("scoring_requests_waiting") == number + 1, scoring.log)  # noqa: B023
        third.send(slow)
        assert [reply.code for reply in third.all_replies()] == ["too_many_bodies"]
        assert [client.reply().status for client in (first, second)] == [200, 200]
        first.send(posted([row], 4 * MEGABYTE))
        assert first.reply().status == 200


def test_they_are_held_no_longer_when_their_clients_have_gone(
    slow_model: Path, row: dict[str, Any], tmp_path: Path
) -> None:
    """Each with a request that is scored and another one that is on its way."""
    settings = {"scoring_thread": "always", "max_held_bytes": 8 * MEGABYTE}
    slow = posted([row | {"Age": 120}], MEGABYTE)
    with serving(slow_model, tmp_path / "log", **settings) as scoring:
        for _ in range(2):
            with scoring.connect() as first, scoring.connect() as second:
                for client in (first, second):
                    client.send(slow + slow + slow[: MEGABYTE // 2])
                until(lambda: scoring.gauge("scoring_requests_waiting") == 2, scoring.log)
            until(lambda: scoring.gauge("scoring_requests_waiting") == 0, scoring.log)
        with scoring.connect() as client:
            client.send(posted([row], 7 * MEGABYTE))
            assert client.reply().status == 200
