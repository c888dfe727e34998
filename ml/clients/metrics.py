"""How clients fare at an online endpoint, by deployment: Azure Monitor's platform metrics.

https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-machinelearningservices-workspaces-onlineendpoints-metrics:
`RequestsPerMinute` has one value a minute and a dimension for the deployment and the class of the status code. The
newest minutes come late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ml.clients.arm import arm
from ml.clients.errors import CloudError

API_VERSION = "2023-10-01"
METRIC = "RequestsPerMinute"
# Azure leaves out all but ten series unless it is asked for more; deployments times status classes are soon more.
MOST_SERIES = "1000"
MINUTE = 60
# The documented aggregation; the others are read where a service offers only them.
AGGREGATIONS = ("average", "total", "count", "maximum")


@dataclass(frozen=True)
class Requests:
    """Requests of one deployment: how many, and how many of them were answered with an error."""

    total: int = 0
    failed: int = 0

    def __add__(self, other: Requests) -> Requests:
        return Requests(self.total + other.total, self.failed + other.failed)

    def __sub__(self, other: Requests) -> Requests:
        failed = max(0, self.failed - other.failed)
        return Requests(max(failed, self.total - other.total), failed)

    @property
    def share_failed(self) -> float:
        """Part of the requests that failed, 0 to 1."""
        return self.failed / self.total if self.total else 0.0


# Requests by minute, minutes since the epoch; those without requests, or not known yet, are left out.
Minutes = Mapping[int, Requests]


def minute(seconds: float) -> int:
    """The minute that a time, in seconds since the epoch, lies in."""
    return int(seconds // MINUTE)


class EndpointMetrics:
    """The metrics of one endpoint, by its ARM id."""

    def __init__(self, endpoint_id: str) -> None:
        self.endpoint_id = endpoint_id

    def requests(self, since: datetime) -> dict[str, Minutes]:
        """Requests by deployment since the beginning of the minute that `since` lies in. Asked once: whoever watches
        clients asks again soon and must not be held up.

        Raises:
            CloudError: the metrics cannot be read.
        """
        start = since.astimezone(UTC).replace(second=0, microsecond=0)
        end = datetime.now(UTC) + timedelta(minutes=1)
        document = arm().peek(
            f"{self.endpoint_id}/providers/microsoft.insights/metrics",
            API_VERSION,
            metricnames=METRIC,
            timespan=f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
            interval="PT1M",
            aggregation="Average",
            top=MOST_SERIES,
            **{"$filter": "deployment eq '*' and statusCodeClass eq '*'"},
        )
        if document is None:
            raise CloudError(f"there are no metrics of {self.endpoint_id}", status=404)
        return parse(document)


def parse(document: Mapping[str, Any]) -> dict[str, Minutes]:
    """Requests by deployment of a metrics document: everything but 2xx is an error."""
    found: dict[str, dict[int, Requests]] = {}
    for metric in document.get("value", []):
        for series in metric.get("timeseries", []):
            labels = {str(one["name"]["value"]).lower(): str(one["value"]) for one in series.get("metadatavalues", [])}
            good = labels.get("statuscodeclass", "").startswith("2")
            minutes = found.setdefault(labels.get("deployment", ""), {})
            for point in series.get("data", []):
                if count := _value(point):
                    number = minute(datetime.fromisoformat(point["timeStamp"]).timestamp())
                    minutes[number] = minutes.get(number, Requests()) + Requests(count, 0 if good else count)
    return dict(found)


def _value(point: Mapping[str, Any]) -> int:
    return round(next((float(point[name]) for name in AGGREGATIONS if point.get(name) is not None), 0.0))
