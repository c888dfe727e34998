"""Azure Monitor's metrics API for endpoints.

https://learn.microsoft.com/rest/api/monitor/metrics/list. A minute's value is the number of its requests or the
percentile of its latencies; the present minute is included. The average over a longer interval is that of its minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.errors import ServiceError
from emulator.machine_learning.durations import seconds
from emulator.online_endpoints.metrics.counts import MINUTE, Latencies, Metrics, Minute
from emulator.online_endpoints.metrics.definitions import AGGREGATION, GRAIN, METRICS, NAMESPACE, Metric, dimensions
from emulator.online_endpoints.metrics.filter import MetricFilter

Series = tuple[tuple[str, str], ...]
INTERVALS = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H", "PT6H", "PT12H", "P1D")
MOST_POINTS = 10_000


@dataclass(frozen=True)
class Window:
    """Minutes since the epoch from `first` up to and without `last`, in steps of `step` minutes."""

    first: int
    last: int
    step: int

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Window:
        """`timespan` (the last hour by default) and `interval`.

        Raises:
            ServiceError: 400, they are not written as Azure writes them.
        """
        now = datetime.now(UTC)
        start, _, end = query.get("timespan", "").partition("/")
        interval = query.get("interval", GRAIN).upper()
        if interval not in INTERVALS:
            message = f"The interval '{interval}' is not supported; supported: {', '.join(INTERVALS)}."
            raise ServiceError(400, "BadRequest", message)
        try:
            first = moment(start) if start else now - timedelta(hours=1)
            last = moment(end) if end else now
        except ValueError:
            message = f"The timespan '{query.get('timespan')}' must be two ISO 8601 times with a slash in between."
            raise ServiceError(400, "BadRequest", message) from None
        begin, finish = int(first.timestamp()) // MINUTE, -(-int(last.timestamp()) // MINUTE)
        step = round(seconds(interval)) // MINUTE
        if finish <= begin or (finish - begin) // step > MOST_POINTS:
            message = f"The timespan '{query.get('timespan')}' is empty or has more than {MOST_POINTS} points."
            raise ServiceError(400, "BadRequest", message)
        return cls(begin, finish, step)


def answer(metrics: Metrics, resource_id: str, location: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The document of a metrics query.

    Raises:
        ServiceError: 400, the query asks for what there is not.
    """
    window = Window.parse(query)
    wanted = [name.strip() for name in (query.get("metricnames") or "RequestsPerMinute").split(",")]
    check_aggregation(query.get("aggregation", AGGREGATION))
    minutes = metrics.minutes(resource_id, window.first, window.last)
    return {
        "cost": 0,
        "timespan": f"{written(window.first)}/{written(window.last)}",
        "interval": query.get("interval", GRAIN).upper(),
        "namespace": NAMESPACE,
        "resourceregion": location,
        "value": [one_metric(find(name), resource_id, minutes, window, query.get("$filter", "")) for name in wanted],
    }


def definitions(resource_id: str) -> dict[str, Any]:
    """The document of `metricDefinitions`."""
    return {"value": [metric.definition(resource_id) for metric in METRICS.values()]}


def one_metric(
    metric: Metric, resource_id: str, minutes: Mapping[int, Minute], window: Window, text: str
) -> dict[str, Any]:
    """A metric with its series; without requests a query that is not split has one empty series."""
    chosen = MetricFilter.parse(text, metric.dimensions)
    values: dict[Series, dict[int, float]] = defaultdict(dict)
    if not chosen.wanted:
        values[()] = {}
    for number, minute in minutes.items():
        for series, value in minute_values(metric, chosen, minute).items():
            values[series][number] = value
    return {
        "id": f"{resource_id}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.title},
        "displayDescription": metric.description,
        "unit": metric.unit,
        "timeseries": [one_series(series, found, window) for series, found in sorted(values.items())],
        "errorCode": "Success",
    }


def minute_values(metric: Metric, chosen: MetricFilter, minute: Minute) -> dict[Series, float]:
    """A minute's value in each series."""
    if metric.latency is None:
        counts: dict[Series, float] = defaultdict(float)
        for kind, count in minute.requests.items():
            if (series := chosen.series(dimensions(kind))) is not None:
                counts[series] += count
        return counts
    merged: dict[Series, Latencies] = defaultdict(Latencies)
    for deployment, latencies in minute.latencies.items():
        if (series := chosen.series({"deployment": deployment})) is not None:
            merged[series].merge(latencies)
    return {series: metric.latency(latencies) for series, latencies in merged.items()}


def one_series(series: Series, values: Mapping[int, float], window: Window) -> dict[str, Any]:
    """The points of a series: a point without requests has a time and no value."""
    points = []
    for start in range(window.first, window.last, window.step):
        found = [values[number] for number in range(start, start + window.step) if number in values]
        value = {"average": sum(found) / len(found)} if found else {}
        points.append({"timeStamp": written(start), **value})
    labels = [{"name": {"value": name, "localizedValue": name}, "value": value} for name, value in series]
    return {"metadatavalues": labels, "data": points}


def find(name: str) -> Metric:
    """A metric by its name in any case.

    Raises:
        ServiceError: 400, there is none.
    """
    metric = METRICS.get(name.lower())
    if metric is None:
        valid = ", ".join(one.name for one in METRICS.values())
        message = (
            f"Failed to find metric configuration for provider: {NAMESPACE}, metric: {name}. Valid metrics: {valid}"
        )
        raise ServiceError(400, "BadRequest", message)
    return metric


def check_aggregation(text: str) -> None:
    """400 for an aggregation that Azure does not document for these metrics."""
    for name in text.split(","):
        if name.strip().lower() != AGGREGATION.lower():
            message = f"The aggregation '{name.strip()}' is not supported for these metrics; supported: {AGGREGATION}."
            raise ServiceError(400, "BadRequest", message)


def moment(text: str) -> datetime:
    """A time in ISO 8601, UTC unless it says otherwise."""
    found = datetime.fromisoformat(text.strip().replace(" ", "+"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def written(minute: int) -> str:
    """A minute as Azure writes it."""
    return datetime.fromtimestamp(minute * MINUTE, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
