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
        return Requests(max(0, self.total - other.total), max(0, self.failed - other.failed))

    @property
    def share_failed(self) -> float:
        """Part of the requests that failed, 0 to 1."""
        return self.failed / self.total if self.total else 0.0


class EndpointMetrics:
    """The metrics of one endpoint, by its ARM id."""

    def __init__(self, endpoint_id: str) -> None:
        self.endpoint_id = endpoint_id

    def requests(self, since: datetime) -> dict[str, Requests]:
        """Requests by deployment since the beginning of the minute that `since` lies in.

        Raises:
            CloudError: the metrics cannot be read.
        """
        start = since.astimezone(UTC).replace(second=0, microsecond=0)
        end = datetime.now(UTC) + timedelta(minutes=1)
        document = arm().get(
            f"{self.endpoint_id}/providers/microsoft.insights/metrics",
            API_VERSION,
            metricnames=METRIC,
            timespan=f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
            interval="PT1M",
            aggregation="Average",
            **{"$filter": "deployment eq '*' and statusCodeClass eq '*'"},
        )
        if document is None:
            raise CloudError(f"there are no metrics of {self.endpoint_id}", status=404)
        return parse(document)


def parse(document: Mapping[str, Any]) -> dict[str, Requests]:
    """Requests by deployment of a metrics document: everything but 2xx is an error."""
    found: dict[str, Requests] = {}
    for metric in document.get("value", []):
        for series in metric.get("timeseries", []):
            labels = {str(one["name"]["value"]).lower(): str(one["value"]) for one in series.get("metadatavalues", [])}
            count = sum(_value(point) for point in series.get("data", []))
            failed = 0 if labels.get("statuscodeclass", "").startswith("2") else count
            name = labels.get("deployment", "")
            found[name] = found.get(name, Requests()) + Requests(count, failed)
    return found


def _value(point: Mapping[str, Any]) -> int:
    return round(next((float(point[name]) for name in AGGREGATIONS if point.get(name) is not None), 0.0))
