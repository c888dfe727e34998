"""The metrics that endpoints have.

https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-machinelearningservices-workspaces-onlineendpoints-metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.online_endpoints.metrics.counts import Kind, Latencies

NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
AGGREGATION = "Average"
GRAIN = "PT1M"


@dataclass(frozen=True)
class Metric:
    """`latency` gives the value of one minute from its latencies; a metric without it counts requests."""

    name: str
    title: str
    description: str
    unit: str
    dimensions: tuple[str, ...]
    latency: Callable[[Latencies], float] | None = None

    def definition(self, resource_id: str) -> dict[str, Any]:
        """As `metricDefinitions` shows it."""
        return {
            "id": f"{resource_id}/providers/microsoft.insights/metricdefinitions/{self.name}",
            "resourceId": resource_id,
            "namespace": NAMESPACE,
            "category": "Traffic",
            "name": {"value": self.name, "localizedValue": self.title},
            "displayDescription": self.description,
            "isDimensionRequired": False,
            "unit": self.unit,
            "primaryAggregationType": AGGREGATION,
            "supportedAggregationTypes": [AGGREGATION],
            "metricAvailabilities": [{"timeGrain": GRAIN, "retention": "P1D"}],
            "dimensions": [{"value": name, "localizedValue": name} for name in self.dimensions],
        }


def dimensions(kind: Kind) -> Mapping[str, str]:
    """The dimensions' values of requests of one kind."""
    return {
        "deployment": kind.deployment,
        "statusCode": str(kind.status),
        "statusCodeClass": f"{kind.status // 100}xx",
        "modelStatusCode": str(kind.model_status or kind.status) if kind.deployment else "",
    }


def _percentile(percent: int) -> Metric:
    return Metric(
        f"RequestLatency_P{percent}",
        f"Request Latency P{percent}",
        f"The P{percent} of the latencies of a minute's requests",
        "MilliSeconds",
        ("deployment",),
        lambda found: found.percentile(percent),
    )


METRICS = {
    metric.name.lower(): metric
    for metric in (
        Metric(
            "RequestsPerMinute",
            "Requests Per Minute",
            "The number of requests sent to the online endpoint within a minute",
            "Count",
            ("deployment", "statusCode", "statusCodeClass", "modelStatusCode"),
        ),
        Metric(
            "RequestLatency",
            "Request Latency",
            "The average time until a request was answered",
            "MilliSeconds",
            ("deployment",),
            lambda found: found.mean,
        ),
        *(_percentile(percent) for percent in (50, 90, 95, 99)),
    )
}
