"""Requests in the shape that Application Insights takes in.

The schema is "TelemetryItem" of the ingestion API (`microsoft/ApplicationInsights-Home`, EndpointSpecs); its limits on
lengths are those of https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete.
"""

from __future__ import annotations

import socket
import time
import uuid
from functools import lru_cache

import msgspec

from ml.scoring.records import ModelIdentity, RequestRecord

DROPPED = "Telemetry records dropped"
"""Name of the metric that counts records which could not be sent."""
NAME_LENGTH = 1024
OPERATION_ID_LENGTH = 128
SCORE = "/score"


encode = msgspec.json.Encoder().encode


class Envelopes:
    """Makes the envelopes of one process. What all have in common is written once: one costs a few microseconds."""

    def __init__(self, model: ModelIdentity, instrumentation_key: str) -> None:
        properties = {"model": model.name, "version": str(model.version), "sha256": model.sha256}
        tags = {
            "ai.cloud.role": model.name,
            "ai.cloud.roleInstance": socket.gethostname(),
            "ai.application.ver": str(model.version),
            "ai.internal.sdkVersion": "mlops-scoring:1",
        }
        self._properties, self._tags = encode(properties)[:-1], encode(tags)[:-1]
        self._head = b'{"ver":1,"sampleRate":100.0,"iKey":' + encode(instrumentation_key)

    def request(self, record: RequestRecord) -> bytes:
        """The envelope of one request, as JSON in one line."""
        started, seconds, status, path, rows, request_id = record
        identity = encode(request_id[:OPERATION_ID_LENGTH] or uuid.uuid4().hex)
        name, url = labels(path)
        count = b"%d" % rows
        return b"".join(
            (
                self._envelope("Request", started),
                b',"ai.operation.id":%b,"ai.operation.name":%b' % (identity, name),
                b'},"data":{"baseType":"RequestData","baseData":{"ver":2,"id":%b,"name":%b,"url":%b,"duration":"%b",'
                b'"responseCode":"%d","success":%b,"properties":'
                % (identity, name, url, duration(seconds).encode(), status, b"true" if status < 400 else b"false"),
                self._properties,
                b',"rows":"%b"},"measurements":{"rows":%b}}}}' % (count, count),
            )
        )

    def drops(self, count: int) -> bytes:
        """The envelope of the metric that says how many records could not be sent since the last such report."""
        return b"".join(
            (
                self._envelope("Metric", time.time()),
                b'},"data":{"baseType":"MetricData","baseData":{"ver":2,"metrics":[{"name":%b,"value":%d,"count":1}],'
                b'"properties":' % (encode(DROPPED), count),
                self._properties,
                b"}}}}",
            )
        )

    def _envelope(self, kind: str, when: float) -> bytes:
        """An envelope up to its tags, which are left open for more."""
        return b'%b,"name":"Microsoft.ApplicationInsights.%b","time":"%b","tags":%b' % (
            self._head,
            kind.encode(),
            timestamp(when).encode(),
            self._tags,
        )


@lru_cache(maxsize=64)
def labels(path: str) -> tuple[bytes, bytes]:
    """A path as the name and the URL of a request, in JSON."""
    url = path[:NAME_LENGTH]
    return encode(f"POST {SCORE}" if path == SCORE else url), encode(url)


@lru_cache(maxsize=2)
def second(seconds: int) -> str:
    """A time in UTC up to the second: neighbouring records share it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def timestamp(when: float) -> str:
    """A time in ISO 8601, with microseconds."""
    whole, fraction = divmod(round(when * 1e6), 1_000_000)
    return f"{second(whole)}.{fraction:06d}Z"


def duration(seconds: float) -> str:
    """A duration as `d.hh:mm:ss.ffffff`; Application Insights takes less than 1,000 days."""
    microseconds = min(max(0, round(seconds * 1e6)), 1000 * 86_400_000_000 - 1)
    whole, fraction = divmod(microseconds, 1_000_000)
    minutes, rest = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}.{hour:02d}:{minute:02d}:{rest:02d}.{fraction:06d}"
