"""Counts and latencies of endpoints, and how queries read them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.errors import ServiceError
from emulator.online_endpoints.metrics.counts import Latencies, Metrics
from emulator.online_endpoints.metrics.filter import MetricFilter
from emulator.online_endpoints.metrics.queries import answer

RESOURCE = "/subscriptions/s/resourceGroups/g/providers/M/workspaces/w/onlineEndpoints/bike"
NOON = 1_800_000_000
SPAN = "2027-01-15T08:00:00Z/2027-01-15T08:03:00Z"


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: float = NOON + 1

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def fixture_clock() -> Clock:
    """The clock of `metrics`."""
    return Clock()


@pytest.fixture(name="metrics")
def fixture_metrics(clock: Clock) -> Metrics:
    """Two minutes: 10 good answers of blue and one of green, then 4 of blue that failed in two ways."""
    made = Metrics(clock)
    for _ in range(10):
        made.record(RESOURCE, "blue", 200, None, 0.010)
    made.record(RESOURCE, "green", 200, None, 0.100)
    clock.now = NOON + 61
    for status, model in ((424, 500), (424, 500), (424, 503), (408, None)):
        made.record(RESOURCE, "blue", status, model, 1.0)
    return made


def series(
    metrics: Metrics, name: str = "RequestsPerMinute", **query: str
) -> list[tuple[dict[str, str], list[float | None]]]:
    """Labels and values of a query's series."""
    found = answer(metrics, RESOURCE, "westeurope", {"metricnames": name, "timespan": SPAN, **query})
    given: list[dict[str, Any]] = found["value"][0]["timeseries"]
    return [
        (
            {one["name"]["value"]: one["value"] for one in each["metadatavalues"]},
            [point.get("average") for point in each["data"]],
        )
        for each in given
    ]


def test_minutes_add_up_over_what_is_not_split(metrics: Metrics) -> None:
    assert series(metrics) == [({}, [11, 4, None])]
    assert series(metrics, interval="PT5M") == [({}, [7.5])]


def test_filters_choose_and_split(metrics: Metrics) -> None:
    by_class = series(metrics, **{"$filter": "deployment eq '*' and statusCodeClass eq '*'"})
    assert by_class == [
        ({"deployment": "blue", "statuscodeclass": "2xx"}, [10, None, None]),
        ({"deployment": "blue", "statuscodeclass": "4xx"}, [None, 4, None]),
        ({"deployment": "green", "statuscodeclass": "2xx"}, [1, None, None]),
    ]
    chosen = series(metrics, **{"$filter": "(statusCode eq '408' or statusCode eq '424') and modelStatusCode eq '503'"})
    assert chosen == [({"statuscode": "424", "modelstatuscode": "503"}, [None, 1, None])]
    assert series(metrics, **{"$filter": "deployment eq 'red'"}) == []


def test_latencies_are_those_of_the_minute(metrics: Metrics) -> None:
    ((_, values),) = series(metrics, "RequestLatency_P50")
    assert values[0] == pytest.approx(10, rel=0.05)
    assert values[1] == pytest.approx(1000, rel=0.05)
    ((_, means),) = series(metrics, "RequestLatency", **{"$filter": "deployment eq 'green'"})
    assert means == [pytest.approx(100), None, None]


def test_percentiles_are_within_a_bucket() -> None:
    chosen = random.Random(1)
    values = sorted(chosen.lognormvariate(2, 1) for _ in range(5000))
    found = Latencies()
    for value in values:
        found.add(value)
    for percent in (50, 90, 95, 99):
        exact = values[len(values) * percent // 100 - 1]
        assert exact <= found.percentile(percent) * 1.0001
        assert found.percentile(percent) <= exact * 1.05


@pytest.mark.parametrize(
    "query",
    [
        {"timespan": "yesterday"},
        {"timespan": "2027-01-15T08:03:00Z/2027-01-15T08:00:00Z"},
        {"interval": "PT7M"},
        {"aggregation": "Average,Total"},
        {"metricnames": "Nothing"},
        {"$filter": "deployment ne 'blue'"},
        {"$filter": "colour eq 'red'"},
    ],
)
def test_queries_azure_refuses(metrics: Metrics, query: dict[str, str]) -> None:
    with pytest.raises(ServiceError) as refusal:
        answer(metrics, RESOURCE, "westeurope", query)
    assert refusal.value.status == 400


def test_quotes_in_values_are_doubled() -> None:
    found = MetricFilter.parse("deployment eq 'o''brien'", ("deployment",))
    assert found.series({"deployment": "o'brien"}) == (("deployment", "o'brien"),)


def test_old_minutes_go(metrics: Metrics, clock: Clock) -> None:
    clock.now = NOON + 25 * 3600
    metrics.record(RESOURCE, "blue", 200, None, 0.01)
    assert len(metrics.minutes(RESOURCE, 0, 1 << 40)) == 1
