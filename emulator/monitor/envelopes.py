"""Telemetry items as rows.

An item is `{"name", "time", "iKey", "tags", "data": {"baseType", "baseData"}}`; the fields of each base type are those
of the ingestion API's specification ("TelemetryItem" and "MonitorDomain" of the exporters' published models).
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from emulator.monitor.kql.lexer import microseconds
from emulator.monitor.kql.types import MICROSECONDS
from emulator.monitor.tables import (
    AVAILABILITY,
    DEPENDENCIES,
    EVENTS,
    EXCEPTIONS,
    METRICS,
    REQUESTS,
    TRACES,
    Table,
)

Item = Mapping[str, Any]
HIGHEST_COUNT = 2**31 - 1
OLDEST_SECONDS = 48 * 3600
NEWEST_SECONDS = 2 * 3600
DURATION = re.compile(r"(?:(\d{1,3})\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,7}))?")
TAGS = {
    "operation_Name": "ai.operation.name",
    "operation_Id": "ai.operation.id",
    "operation_ParentId": "ai.operation.parentId",
    "operation_SyntheticSource": "ai.operation.syntheticSource",
    "session_Id": "ai.session.id",
    "user_Id": "ai.user.id",
    "user_AuthenticatedId": "ai.user.authUserId",
    "user_AccountId": "ai.user.accountId",
    "application_Version": "ai.application.ver",
    "client_Type": "ai.device.type",
    "client_Model": "ai.device.model",
    "client_OS": "ai.device.osVersion",
    "cloud_RoleName": "ai.cloud.role",
    "cloud_RoleInstance": "ai.cloud.roleInstance",
    "sdkVersion": "ai.internal.sdkVersion",
}
SEVERITIES = {name: level for level, name in enumerate(("Verbose", "Information", "Warning", "Error", "Critical"))}
BUCKETS = ((250, "<250ms"), (500, "250ms-500ms"), (1000, "500ms-1sec"), (3000, "1sec-3sec"), (7000, "3sec-7sec"))
LONG_BUCKETS = ((15_000, "7sec-15sec"), (30_000, "15sec-30sec"), (60_000, "30sec-1min"), (120_000, "1min-2min"))


class ItemError(Exception):
    """Why one item is refused, worded as Azure words it."""


def rows(item: Item) -> list[tuple[Table, dict[str, Any]]]:
    """The rows of one item; only a metric has more than one.

    Raises:
        ItemError: a field is missing or is not what it should be.
    """
    data = field(item, "data", "Envelope", dict)
    kind, base = field(data, "baseType", "Data", str), field(data, "baseData", "Data", dict)
    if kind not in KINDS:
        raise ItemError(f"Type '{kind}' is not supported by the emulator; it takes {', '.join(KINDS)}")
    table, read = KINDS[kind]
    shared = common(item, base)
    found = read(base)
    return [(table, {**shared, **one}) for one in (found if isinstance(found, list) else [found])]


def common(item: Item, base: Item) -> dict[str, Any]:
    """What every row has."""
    tags = item.get("tags") or {}
    if not isinstance(tags, dict):
        raise ItemError("Field 'tags' on type 'Envelope' is of incorrect type")
    rate = item.get("sampleRate") or 100.0
    shared = {column: str(tags.get(tag, "")) for column, tag in TAGS.items()}
    return {
        **shared,
        "timestamp": moment(item),
        "itemId": str(uuid.uuid4()),
        "itemCount": min(max(1, round(100.0 / float(rate))), HIGHEST_COUNT),
        "customDimensions": compact({key: text(value) for key, value in (base.get("properties") or {}).items()}),
        "customMeasurements": compact(base.get("measurements") or {}),
    }


def moment(item: Item) -> int:
    """The item's time; Azure takes the last two days and the next two hours."""
    given = field(item, "time", "Envelope", str)
    try:
        when = microseconds(given)
    except ValueError:
        raise ItemError("Field 'time' on type 'Envelope' is not a valid time") from None
    age = time.time() - when / MICROSECONDS
    if not -NEWEST_SECONDS <= age <= OLDEST_SECONDS:
        word = "older than the allowed min date" if age > 0 else "newer than the allowed max date"
        raise ItemError(f"Field 'time' on type 'Envelope' is {word}: {given}")
    return when


def request(base: Item) -> dict[str, Any]:
    return {
        "id": field(base, "id", "RequestData", str),
        "source": text(base.get("source")),
        "name": text(base.get("name")),
        "url": text(base.get("url")),
        "success": int(bool(base.get("success", True))),
        "resultCode": text(field(base, "responseCode", "RequestData", (str, int))),
        **timed(base, "RequestData"),
    }


def dependency(base: Item) -> dict[str, Any]:
    return {
        "id": text(base.get("id")),
        "target": text(base.get("target")),
        "type": text(base.get("type")),
        "name": field(base, "name", "RemoteDependencyData", str),
        "data": text(base.get("data")),
        "success": int(bool(base.get("success", True))),
        "resultCode": text(base.get("resultCode")),
        **timed(base, "RemoteDependencyData"),
    }


def exception(base: Item) -> dict[str, Any]:
    chain = field(base, "exceptions", "ExceptionData", list)
    if not chain or not all(isinstance(one, dict) for one in chain):
        raise ItemError("Field 'exceptions' on type 'ExceptionData' is required and must not be empty")
    outer, inner = chain[0], chain[-1]
    stack = outer.get("parsedStack") or [{}]
    if not isinstance(stack, list) or not all(isinstance(frame, dict) for frame in stack):
        raise ItemError("Field 'parsedStack' on type 'ExceptionDetails' is of incorrect type")
    frame = stack[0]
    method = text(frame.get("method"))
    return {
        "problemId": text(base.get("problemId")) or " at ".join(filter(None, (text(outer.get("typeName")), method))),
        "type": text(outer.get("typeName")),
        "message": text(outer.get("message")),
        "assembly": text(frame.get("assembly")),
        "method": method,
        "outerType": text(outer.get("typeName")),
        "outerMessage": text(outer.get("message")),
        "innermostType": text(inner.get("typeName")),
        "innermostMessage": text(inner.get("message")),
        "severityLevel": severity(base),
        "details": compact(chain),
    }


def trace(base: Item) -> dict[str, Any]:
    return {"message": field(base, "message", "MessageData", str), "severityLevel": severity(base)}


def event(base: Item) -> dict[str, Any]:
    return {"name": field(base, "name", "EventData", str)}


def metrics(base: Item) -> list[dict[str, Any]]:
    points = field(base, "metrics", "MetricData", list)
    if not points:
        raise ItemError("Field 'metrics' on type 'MetricData' is required and must not be empty")
    return [metric(point) for point in points]


def metric(point: Item) -> dict[str, Any]:
    value, count = float(field(point, "value", "DataPoint", (int, float))), point.get("count") or 1
    ends = [value if point.get(end) is None else float(point[end]) for end in ("min", "max")]
    return {
        "name": field(point, "name", "DataPoint", str),
        "value": value,
        "valueCount": max(1, min(int(count), HIGHEST_COUNT)),
        "valueSum": value,
        "valueMin": ends[0],
        "valueMax": ends[1],
        "valueStdDev": float(point.get("stdDev") or 0.0),
    }


def availability(base: Item) -> dict[str, Any]:
    return {
        "id": field(base, "id", "AvailabilityData", str),
        "name": field(base, "name", "AvailabilityData", str),
        "location": text(base.get("runLocation")),
        "success": int(bool(field(base, "success", "AvailabilityData", bool))),
        "message": text(base.get("message")),
        "size": None,
        **timed(base, "AvailabilityData"),
    }


def timed(base: Item, kind: str) -> dict[str, Any]:
    """Duration in milliseconds, and the bucket that Azure sorts it into."""
    milliseconds = duration(field(base, "duration", kind, str), kind)
    bucket = next((name for least, name in (*BUCKETS, *LONG_BUCKETS) if milliseconds < least), ">=2min")
    return {"duration": milliseconds, "performanceBucket": bucket}


def duration(given: str, kind: str) -> float:
    """`d.hh:mm:ss.ffffff` in milliseconds."""
    found = DURATION.fullmatch(given)
    if found is None:
        raise ItemError(f"Field 'duration' on type '{kind}' is not a valid time span: '{given}'")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    fraction = float(f"0.{found[5] or 0}")
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000.0 + fraction * 1000.0


def severity(base: Item) -> int | None:
    """The severity as a number; items carry its name or its number."""
    given = base.get("severityLevel")
    return given if given in SEVERITIES.values() else SEVERITIES.get(str(given))


def field(item: Item, name: str, kind: str, types: type | tuple[type, ...]) -> Any:
    """A field that has to be there, of a type."""
    value = item.get(name)
    if value is None or (isinstance(value, str) and not value):
        raise ItemError(f"Field '{name}' on type '{kind}' is required but missing or empty")
    if not isinstance(value, types):
        raise ItemError(f"Field '{name}' on type '{kind}' is of incorrect type")
    return value


def text(value: Any) -> str:
    """A value as Azure stores it in a string."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def compact(value: Any) -> str:
    """A dynamic value as it is stored."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


KINDS: dict[str, tuple[Table, Callable[[Item], Any]]] = {
    "RequestData": (REQUESTS, request),
    "RemoteDependencyData": (DEPENDENCIES, dependency),
    "ExceptionData": (EXCEPTIONS, exception),
    "MessageData": (TRACES, trace),
    "EventData": (EVENTS, event),
    "MetricData": (METRICS, metrics),
    "AvailabilityData": (AVAILABILITY, availability),
}
