"""A stage: what ends it, and what is said of a candidate whose clients fail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ml.clients import metrics
from ml.clients.errors import CloudError
from ml.clients.metrics import EndpointMetrics
from ml.clients.scoring import Answer
from ml.progress import Failure
from ml.rollout.core.ports import LeaseLost, Rejected
from ml.rollout.trials import watch as rollout_watch
from ml.rollout.trials.checks import Golden
from ml.rollout.trials.watch import HINDERED_SECONDS, LATE_SECONDS, Watch
from tests.unit.rollout_clients import CASE, GOOD, NEW, OLD, Service

AZURE, EMULATOR = 600, 15
"""Seconds of a stage."""
LAG = 180
SEEDS = 10
WRONG = Answer(0.01, 200, {"result": [{"probability": 0.5}], "model": "m", "version": 2})
LATE = Answer(10, 0, None, "no answer in time")
BROKEN = Answer(0.1, 503, None, "HTTP 503: no healthy upstream")
LOST = Answer(0.1, 0, None, "no answer ([Errno -2] Name or service not known)")


@pytest.fixture(name="make")
def fixture_make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Service]:
    """Makes a service whose clock is the watch's own."""

    def make(**given: Any) -> Service:
        service = Service(**given)
        monkeypatch.setattr(rollout_watch, "time", service)
        return service

    return make


def watch(service: Service, seconds: float = EMULATOR, **changes: Any) -> Watch:
    given: dict[str, Any] = {
        "candidate": NEW,
        "old": OLD,
        "percent": service.percent,
        "golden": Golden("m", 2, [CASE]),
        "client": service.client,
        "metrics": service,
        "row": service,
        "pause": service.pause,
        "seconds": seconds,
    }
    return Watch(**{**given, **changes})


@pytest.mark.parametrize(
    ("rate", "percent", "lag", "whole"),
    [(5, 10, LAG, False), (10, 10, LAG, False), (10, 50, LAG, False), (5, 10, LAG, True), (5, 10, 0, False)],
)
def test_a_candidate_that_fails_as_often_as_the_old_one_passes(
    make: Callable[..., Service], rate: int, percent: int, lag: float, whole: bool
) -> None:
    for seed in range(SEEDS):
        service = make(seed=seed, lag=lag, whole=whole, rate=rate, percent=percent, faults={NEW: 0.03, OLD: 0.03})
        watch(service, AZURE).run()
        assert AZURE <= service.elapsed < AZURE + lag + 125
        assert service.notes == []


@pytest.mark.parametrize(
    ("seconds", "lag", "rate", "begin"),
    [(AZURE, LAG, 5, 0), (AZURE, LAG, 5, 300), (AZURE, LAG, 5, 420), (AZURE, 0, 1, 300), (EMULATOR, 0, 50, 7)],
)
def test_failing_for_clients_alone_it_is_rejected(
    make: Callable[..., Service], seconds: float, lag: float, rate: int, begin: float
) -> None:
    for seed in range(SEEDS):
        service = make(seed=seed, lag=lag, rate=rate, faults={NEW: 1.0, OLD: 0.03}, begin=begin)
        with pytest.raises(Rejected, match=r"at 10 % of the traffic \d+ of \d+ requests failed"):
            watch(service, seconds).run()
        assert begin <= service.elapsed < begin + lag + 200
        assert seconds > EMULATOR or service.elapsed < seconds


def test_where_the_old_one_has_no_clients_own_requests_to_it_are_compared(make: Callable[..., Service]) -> None:
    service = make(rate=5, percent=100, faults={NEW: 1.0}, answers={NEW: BROKEN, OLD: BROKEN})
    with pytest.raises(Failure, match="fails as well"):
        watch(service).run()
    service = make(rate=5, percent=100, faults={NEW: 1.0})
    with pytest.raises(Rejected, match=r"\d+ of \d+ requests failed, 0 of \d+ at the old one"):
        watch(service).run()


@pytest.mark.parametrize(("seconds", "lag", "extra"), [(AZURE, LAG, LAG + 62), (AZURE, 0, 62), (EMULATOR, 0, 2)])
@pytest.mark.parametrize("start", [0, 20, 55, 59.5])
def test_without_clients_it_ends_when_the_figures_of_its_end_are_there(
    make: Callable[..., Service], seconds: float, lag: float, extra: float, start: float
) -> None:
    service = make(rate=0, lag=lag, start=start)
    watch(service, seconds).run()
    assert seconds <= service.elapsed < seconds + extra
    assert service.notes == []
    assert service.shown[0].startswith("10 %: 1 requests, 0 errors, ")
    assert seconds == EMULATOR or "waiting for the metrics of its end" in service.shown[-1]


def test_figures_that_never_come_are_not_waited_for_for_ever(make: Callable[..., Service]) -> None:
    service = make(lag=10_000)
    watch(service, AZURE).run()
    assert service.elapsed >= AZURE + LATE_SECONDS
    assert service.notes == ["10 %: the metrics of its end have not come within 360 s"]


def test_what_was_counted_before_the_stage_is_not_held_against_it(make: Callable[..., Service]) -> None:
    for seconds, lag in ((EMULATOR, 0), (AZURE, LAG)):
        service = make(lag=lag, start=50)
        service.count(service.now - 40, NEW, 400, 400)
        watch(service, seconds).run()


@pytest.mark.parametrize(
    ("new", "old", "error", "said"),
    [
        (WRONG, GOOD, Rejected, r"at 10 %: probability is 0\.5 where training gave 0\.25"),
        (LATE, GOOD, Rejected, r"at 10 % 2 of 2 requests failed, 0 of 1 at the old one; the last one: no answer in"),
        (LATE, Answer(0.1, 424, None, "HTTP 424"), Rejected, r"2 of 2 requests failed, 0 of 1 at the old one"),
        (LATE, LATE, Failure, r"at 10 % \d+ of \d+ requests failed, and old fails as well"),
        (BROKEN, BROKEN, Failure, "requests failed, and old fails as well"),
        (LOST, LOST, Failure, r"the endpoint cannot be reached: no answer .*Name or service not known"),
        (Answer(0.1, 401, None, "HTTP 401"), GOOD, Failure, r"at 10 %: the endpoint refuses our key: HTTP 401"),
        (GOOD, BROKEN, None, ""),
    ],
)
def test_own_requests_end_it_only_when_the_candidate_is_at_fault(
    make: Callable[..., Service], new: Answer, old: Answer, error: type[Exception] | None, said: str
) -> None:
    service = make(answers={NEW: new, OLD: old})
    if error is None:
        watch(service, AZURE).run()
        return
    with pytest.raises(error, match=said):
        watch(service).run()


@pytest.mark.parametrize(("trouble", "seconds"), [(LOST, HINDERED_SECONDS / 2), (LATE, 30)])
def test_a_moment_without_network_or_gateway_ends_nothing(
    make: Callable[..., Service], trouble: Answer, seconds: float
) -> None:
    service = make(outage=trouble, outage_seconds=seconds)
    watch(service, AZURE).run()
    assert service.notes == []


def test_without_figures_nobody_may_say_that_it_is_good(make: Callable[..., Service]) -> None:
    class Unreadable:
        def requests(self, since: Any) -> Any:
            raise CloudError("403 Forbidden: no Microsoft.Insights/Metrics/Read")

    with pytest.raises(Failure, match=r"requests of clients at 10 % cannot be judged: 403 Forbidden"):
        watch(make(), metrics=Unreadable()).run()


def test_figures_are_asked_for_once_and_for_every_series(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []

    class Busy:
        def peek(self, path: str, version: str, **query: str) -> None:
            asked.append(query)
            raise CloudError("429 TooManyRequests", status=429)

    monkeypatch.setattr(metrics, "arm", Busy)
    with pytest.raises(CloudError, match="429"):
        EndpointMetrics("/endpoint").requests(datetime(2026, 1, 1, 10, 5, 30, tzinfo=UTC))
    (query,) = asked
    assert query["top"] == "1000"
    assert query["timespan"].startswith("2026-01-01T10:05:00Z/")


def test_a_lost_lease_ends_it(make: Callable[..., Service]) -> None:
    def lost(seconds: float) -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        watch(make(), pause=lost).run()
