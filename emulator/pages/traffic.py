"""Requests of an endpoint, minute by minute, from Azure Monitor's metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.errors import ServiceError
from emulator.pages import charts
from emulator.pages.charts import Chart, Value
from emulator.pages.client import Client, Json

MINUTES = 60
RECENT = 15
OVERLOADED = ("408", "429")
COUNT, P50, P95 = "RequestsPerMinute", "RequestLatency_P50", "RequestLatency_P95"


@dataclass(frozen=True)
class Traffic:
    """The last hour. `failures` are the service's, `refusals` answers to requests that were wrong (4xx)."""

    requests: Sequence[Value]
    failures: Sequence[Value]
    refusals: Sequence[Value]
    median: Sequence[Value]
    slow: Sequence[Value]

    @property
    def total(self) -> int:
        """Requests of the hour."""
        return total(self.requests)

    @property
    def failed(self) -> int:
        """Failures of the hour."""
        return total(self.failures)

    @property
    def refused(self) -> int:
        """Refusals of the hour."""
        return total(self.refusals)

    @property
    def recent_failure_rate(self) -> float:
        """The share of failures in the last quarter of an hour."""
        requests = total(self.requests[-RECENT:])
        return total(self.failures[-RECENT:]) / requests if requests else 0.0

    @property
    def latency(self) -> Value:
        """The newest P95 in milliseconds."""
        return next((value for value in reversed(self.slow) if value is not None), None)

    def charts(self) -> dict[str, Chart]:
        """Requests, latency and failures, each with what it shows in words."""
        latency = (
            f"{self.latency:.1f} ms in the last minute with requests" if self.latency is not None else "none known"
        )
        return {
            "requests": charts.columns(self.requests, f"Requests a minute in the last hour, {self.total} in all"),
            "latency": charts.line(self.slow, f"Latency in the last hour, 95th percentile, {latency}"),
            "failures": charts.columns(self.failures, f"Failures a minute in the last hour, {self.failed} in all"),
        }


def read(client: Client, endpoint: str, deployment: str = "") -> Traffic:
    """The traffic of an endpoint, or of one of its deployments; nothing of one that has just gone."""
    try:
        return asked(client, endpoint, deployment)
    except ServiceError as error:
        if error.status == 404:
            return Traffic([], [], [], [], [])
        raise


def asked(client: Client, endpoint: str, deployment: str) -> Traffic:
    """What Azure Monitor answers."""
    now = time.time()
    span = "/".join(written(seconds) for seconds in (now - (MINUTES - 1) * 60, now))
    only = f"deployment eq '{deployment}'" if deployment else ""
    split = " and ".join(part for part in (only, "statusCode eq '*'", "modelStatusCode eq '*'") if part)
    names = ",".join((COUNT, P50, P95))
    whole = client.metrics(endpoint, metricnames=names, timespan=span, **({"$filter": only} if only else {}))
    by_status = client.metrics(endpoint, metricnames=COUNT, timespan=span, **{"$filter": split})
    found = {metric["name"]["value"]: summed(metric["timeseries"]) for metric in whole["value"]}
    series = by_status["value"][0]["timeseries"]
    return Traffic(
        found[COUNT],
        summed([one for one in series if outcome(one) == "failed"]),
        summed([one for one in series if outcome(one) == "refused"]),
        found[P50],
        found[P95],
    )


def outcome(series: Json) -> str:
    """Whether the requests of a series went well, failed, or were refused because they were wrong."""
    codes = {one["name"]["value"].lower(): str(one["value"]) for one in series["metadatavalues"]}
    # What the model itself said counts: the endpoint wraps every answer of it but 200.
    status = codes.get("modelstatuscode") or codes.get("statuscode", "")
    if status.startswith(("2", "3")):
        return "well"
    return "failed" if status.startswith("5") or status in OVERLOADED else "refused"


def summed(series: Sequence[Json]) -> list[Value]:
    """The points of several series, added up; None where no series has a value."""
    columns = zip(*(one["data"] for one in series), strict=True) if series else ()
    sums: list[Value] = []
    for column in columns:
        known = [point["average"] for point in column if "average" in point]
        sums.append(sum(known) if known else None)
    return sums


def total(values: Sequence[Value]) -> int:
    """The sum of what is known."""
    return round(sum(value for value in values if value))


def written(seconds: float) -> str:
    """A time as Azure Monitor takes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
