"""A box for KQL: what telemetry says, through the query service that every client has."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.errors import ServiceError
from emulator.http import Request
from emulator.pages import redaction
from emulator.pages.client import SUBSCRIPTION, Json
from emulator.pages.cloud import COMPONENTS, Cloud

OF_COMPONENTS = f"{SUBSCRIPTION}/providers/{COMPONENTS}"
MOST_ROWS = 200
SECONDS = 10
NUMBERS = ("int", "long", "real", "decimal")
SPANS = {"PT15M": "15 minutes", "PT1H": "1 hour", "PT6H": "6 hours", "P1D": "1 day", "P7D": "7 days"}
EXAMPLES = {
    "Requests by result": "requests\n| summarize requests = count(), p95 = percentile(duration, 95) "
    "by name, resultCode\n| order by requests desc",
    "Requests a minute": "requests\n| summarize requests = count() by bin(timestamp, 1m)\n| order by timestamp desc",
    "Last traces": "traces\n| project timestamp, severityLevel, message\n| order by timestamp desc\n| take 50",
    "Last exceptions": "exceptions\n| project timestamp, type, outerMessage\n| order by timestamp desc\n| take 50",
}


def page(cloud: Cloud, request: Request) -> tuple[str, Mapping[str, Any]]:
    """The box, and the answer when a query was sent."""
    components = cloud.of_type(COMPONENTS)
    wanted = request.query.get("component", "")
    chosen = next((one for one in components if one["id"].lower() == wanted.lower()), None)
    text = request.query.get("query", "").replace("\r\n", "\n")
    span = request.query.get("timespan", "PT1H")
    values: dict[str, Any] = {
        "components": components,
        "chosen": chosen or (components[0] if components else None),
        "text": text or next(iter(EXAMPLES.values())),
        "spans": SPANS,
        "span": span if span in SPANS else "PT1H",
        "examples": EXAMPLES,
        "table": None,
        "seconds": 0.0,
        "problem": "",
    }
    if text.strip() and values["chosen"]:
        began = time.monotonic()
        try:
            answer = cloud.client.query(values["chosen"]["id"], text, values["span"], SECONDS)
            values["table"] = table(answer, ingestion_keys(cloud))
        except ServiceError as error:
            values["problem"] = error.message
        values["seconds"] = time.monotonic() - began
    return "telemetry.html", values


@dataclass(frozen=True)
class Table:
    """An answer: at most `MOST_ROWS` of its `total` rows; `numbers` says which columns are figures."""

    columns: Sequence[str]
    numbers: Sequence[bool]
    rows: Sequence[Sequence[Any]]
    total: int


def ingestion_keys(cloud: Cloud) -> list[str]:
    """What rows must not show though they hold it: the keys that telemetry is sent with."""
    found = [one["properties"].get("InstrumentationKey") for one in cloud.client.collection(OF_COMPONENTS)]
    return [str(key) for key in found if key]


def table(answer: Json, hidden: Sequence[str]) -> Table:
    """The first table of an answer, cut and without secrets."""
    found = answer["tables"][0]
    return Table(
        columns=[column["name"] for column in found["columns"]],
        numbers=[column["type"] in NUMBERS for column in found["columns"]],
        rows=[[cell(value, hidden) for value in row] for row in found["rows"][:MOST_ROWS]],
        total=len(found["rows"]),
    )


def cell(value: Any, hidden: Sequence[str]) -> Any:
    """A value without secrets."""
    shown = redaction.document(value) if value is not None else ""
    for secret in hidden if isinstance(shown, str) else ():
        shown = shown.replace(secret, redaction.HIDDEN)
    return shown
