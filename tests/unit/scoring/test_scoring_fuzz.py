"""Random faults in JSON and HTTP: every answer is one of ours, and the server lives on.

Takes a few seconds and, with `make test-long`, two hours; `SCORING_FUZZ_SECONDS=60` makes it longer,
`SCORING_FUZZ_SEED` gives other requests.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from typing import Any

import pytest

from tests.unit.scoring.mutations import Mutations
from tests.unit.scoring.running import Reply, Scoring

logger = logging.getLogger(__name__)
"""`--log-cli-level=INFO` shows how often which status came."""
LONGEST = float(os.environ.get("SCORING_FUZZ_SECONDS", "4"))
HOUR = 3600.0
DURATIONS = pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(LONGEST / 2, marks=pytest.mark.timeout(LONGEST + 120), id="short"),
        pytest.param(HOUR, marks=[pytest.mark.long, pytest.mark.timeout(HOUR + 120)], id="hour"),
    ],
)
SEED = int(os.environ.get("SCORING_FUZZ_SEED", "1"))
GROWTH = 40_000_000
"""Resident bytes that may be added, however long it runs."""
OF_BODIES = {200, 400, 413}
OF_MESSAGES = {100, 200, 400, 401, 404, 405, 408, 413, 414, 415, 417, 431, 499, 501, 505}


def check(reply: Reply, allowed: set[int], sent: bytes) -> None:
    """An answer must be whole, and an error must be one JSON object."""
    assert reply.status in allowed, (sent[:2_000], reply)
    if reply.status >= 400:
        assert reply.code, sent
    elif reply.headers.get("content-type") == "application/json" and reply.body:
        assert isinstance(reply.json, dict)


@DURATIONS
def test_random_bodies(scoring: Scoring, rows: list[dict[str, Any]], seconds: float) -> None:
    mutations, seen = Mutations(SEED, rows), Counter[int]()
    deadline, before = time.monotonic() + seconds, scoring.memory
    while time.monotonic() < deadline:
        with scoring.connect() as client:
            for _ in range(100):
                body = mutations.body()
                client.send(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                reply = client.reply()
                check(reply, OF_BODIES, body)
                seen[reply.status] += 1
    logger.info("answers by status: %s", dict(sorted(seen.items())))
    assert seen[200] > 50
    assert seen[400] > 100
    assert scoring.memory - before < GROWTH
    scoring.assert_alive()


@DURATIONS
def test_random_messages(scoring: Scoring, rows: list[dict[str, Any]], seconds: float) -> None:
    mutations, seen = Mutations(SEED + 1, rows), Counter[int]()
    deadline, before = time.monotonic() + seconds, scoring.memory
    while time.monotonic() < deadline:
        sent = mutations.message()
        replies = scoring.raw(sent)
        for reply in replies:
            check(reply, OF_MESSAGES, sent)
            seen[reply.status] += 1
        assert replies or not sent.strip(b"\r\n"), sent[:2_000]
    logger.info("answers by status: %s", dict(sorted(seen.items())))
    assert len(seen) > 5, seen
    assert scoring.memory - before < GROWTH
    scoring.assert_alive()
