"""A stage: what ends it, and what is said of a candidate whose clients fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import pytest

from ml.clients.errors import CloudError
from ml.clients.metrics import Requests
from ml.clients.scoring import Answer, ScoringClient
from ml.resources.host import Failure
from ml.resources.rollout_checks import Golden
from ml.resources.rollout_ports import LeaseLost, Rejected
from ml.resources.rollout_watch import Watch

CASE = {"request": {"Age": 40}, "probability": 0.25}
GOOD = Answer(0.01, 200, {"result": [{"probability": 0.25}], "model": "m", "version": 2})
SECONDS = 0.2


class Asked:
    """A scoring client that gives the same answer to everything; the metrics count its requests."""

    def __init__(self, answer: Answer = GOOD) -> None:
        self.answer = answer
        self.count = 0

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def score(self, row: Any) -> Answer:
        self.count += 1
        return self.answer


class Figures:
    """The endpoint's metrics: own requests, and what `clients` adds at each reading after the first."""

    def __init__(self, asked: Asked, clients: Callable[[int], dict[str, Requests]], late: bool = False) -> None:
        self.asked = asked
        self.clients = clients
        self.late = late
        self.readings = 0

    def requests(self, since: datetime) -> dict[str, Requests]:
        self.readings += 1
        found = self.clients(self.readings - 1)
        own = Requests(0 if self.late else self.asked.count)
        return {**found, "new": found.get("new", Requests()) + own}


class Row:
    """Keeps what was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def status(self, text: str) -> None:
        self.shown.append(text)

    note = status


def watch(asked: Asked, figures: Any, row: Row, **changes: Any) -> Watch:
    given: dict[str, Any] = {
        "candidate": "new",
        "old": "old",
        "percent": 10,
        "golden": Golden("m", 2, [CASE]),
        "client": lambda name: cast(ScoringClient, asked),
        "metrics": figures,
        "row": row,
        "pause": lambda seconds: time.sleep(0.01),
        "seconds": SECONDS,
        "late_seconds": SECONDS,
    }
    return Watch(**{**given, **changes})


def healthy(reading: int) -> dict[str, Requests]:
    return {"new": Requests(10 * reading), "old": Requests(90 * reading)}


def test_a_good_stage_lasts_as_long_as_it_should_and_says_how_it_goes() -> None:
    asked, row = Asked(), Row()
    started = time.monotonic()
    watch(asked, Figures(asked, healthy), row).run()
    assert SECONDS <= time.monotonic() - started < SECONDS + 5
    assert row.shown[0].startswith("10 %: ")
    assert "requests, 0 errors, 0 s left" in row.shown[0]


def test_errors_of_clients_alone_end_it_at_once() -> None:
    def failing(reading: int) -> dict[str, Requests]:
        return {"new": Requests(5 * reading, 5 * reading), "old": Requests(45 * reading)}

    asked = Asked()
    with pytest.raises(Rejected, match=r"at 10 % of the traffic 5 of 5 requests failed, 0 of 45 at the old one"):
        watch(asked, Figures(asked, failing), Row(), seconds=60).run()
    assert asked.count <= 2


def test_what_was_counted_before_the_stage_is_not_held_against_it() -> None:
    def before(reading: int) -> dict[str, Requests]:
        return {"new": Requests(500 + reading, 400), "old": Requests(90 * reading)}

    asked = Asked()
    watch(asked, Figures(asked, before), Row()).run()


def test_a_wrong_answer_to_our_own_request_ends_it() -> None:
    asked = Asked(Answer(0.01, 200, {"result": [{"probability": 0.5}], "model": "m", "version": 2}))
    with pytest.raises(Rejected, match=r"at 10 %: probability is 0\.5 where training gave 0\.25"):
        watch(asked, Figures(asked, healthy), Row()).run()


def test_own_requests_that_fail_end_it() -> None:
    asked = Asked(Answer(10, 0, None, "no answer in time"))
    with pytest.raises(Rejected, match=r"at 10 % 2 of 2 requests failed; the last one: no answer in time"):
        watch(asked, Figures(asked, healthy), Row()).run()


def test_a_refused_key_is_not_the_candidates_fault() -> None:
    asked = Asked(Answer(0.01, 401, None, "HTTP 401"))
    with pytest.raises(Failure, match="refuses our key"):
        watch(asked, Figures(asked, healthy), Row()).run()


def test_late_figures_are_waited_for_but_not_for_ever() -> None:
    asked, row = Asked(), Row()
    started = time.monotonic()
    watch(asked, Figures(asked, lambda reading: {}, late=True), row).run()
    assert time.monotonic() - started >= 2 * SECONDS
    assert row.shown[-1] == "10 %: the endpoint's metrics are more than 0 s late"
    assert any("waiting for the metrics of its end" in text for text in row.shown)


def test_without_figures_nobody_may_say_that_it_is_good() -> None:
    class Unreadable:
        def requests(self, since: datetime) -> dict[str, Requests]:
            raise CloudError("403 Forbidden: no Microsoft.Insights/Metrics/Read")

    with pytest.raises(Failure, match=r"requests of clients at 10 % cannot be judged: 403 Forbidden"):
        watch(Asked(), Unreadable(), Row()).run()


def test_a_lost_lease_ends_it() -> None:
    def lost(seconds: float) -> None:
        raise LeaseLost

    asked = Asked()
    with pytest.raises(LeaseLost):
        watch(asked, Figures(asked, healthy), Row(), pause=lost, seconds=60).run()
