"""What SQLite has not: Kusto's conversions, its idea of a term, and percentiles."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.monitor.kql.lexer import microseconds
from emulator.monitor.kql.types import BOOL, DATETIME, DYNAMIC, INT, LONG, REAL, STRING, TIMESPAN, Type

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TERM = re.compile(r"[^\W_]+")
INT_BITS = 31


def install(connection: sqlite3.Connection) -> None:
    """Makes the functions known to a connection."""
    functions: dict[str, tuple[int, Callable[..., Any]]] = {
        "kql_text": (2, text),
        "kql_whole": (2, whole),
        "kql_real": (1, real),
        "kql_truth": (1, truth),
        "kql_moment": (1, moment),
        "kql_has": (3, has),
        "kql_floor": (2, floor),
        "kql_fold": (1, lambda value: value.casefold() if value is not None else None),
        "kql_lower": (1, lambda value: value.lower() if value is not None else None),
        "kql_upper": (1, lambda value: value.upper() if value is not None else None),
    }
    for name, (count, function) in functions.items():
        connection.create_function(name, count, function, deterministic=True)
    connection.create_aggregate("kql_percentile", 2, Percentile)  # type: ignore[arg-type]


def text(value: Any, kind: str) -> str:
    """`tostring`; null becomes the empty string."""
    if value is None:
        return ""
    if kind == DYNAMIC.name:
        inside = json.loads(value)
        if isinstance(inside, str):
            return inside
        return "" if inside is None else value if isinstance(inside, dict | list) else json.dumps(inside)
    if kind == BOOL.name:
        return "true" if value else "false"
    if kind == DATETIME.name:
        return (EPOCH + timedelta(microseconds=value)).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    if kind == TIMESPAN.name:
        return timespan(value)
    return str(value)


def timespan(value: int) -> str:
    """A timespan as the query API writes it: `[d.]hh:mm:ss[.fffffff]`."""
    rest, fraction = divmod(abs(value), 1_000_000)
    minutes, seconds = divmod(rest, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    shown = f"{f'{days}.' if days else ''}{hours:02d}:{minutes:02d}:{seconds:02d}"
    return ("-" if value < 0 else "") + shown + (f".{fraction:06d}0" if fraction else "")


def whole(value: Any, bits: int) -> int | None:
    """`toint` and `tolong` of a string or a JSON value; null for what is no whole number of so many bits."""
    try:
        number = int(str(unwrapped(value)))
    except ValueError:
        return None
    return number if -(2**bits) <= number < 2**bits else None


def real(value: Any) -> float | None:
    """`todouble` of a string or a JSON value."""
    try:
        return float(str(unwrapped(value)))
    except ValueError:
        return None


def truth(value: Any) -> int | None:
    """`tobool` of a string or a JSON value."""
    return {"true": 1, "1": 1, "false": 0, "0": 0}.get(str(unwrapped(value)).lower())


def moment(value: Any) -> int | None:
    """`todatetime` of a string or a JSON value."""
    try:
        return microseconds(str(unwrapped(value)))
    except ValueError:
        return None


def unwrapped(value: Any) -> Any:
    """The inside of a JSON string; anything else as it is."""
    if isinstance(value, str) and value.startswith('"') and value.endswith('"') and len(value) > 1:
        return json.loads(value)
    return value


def has(value: str | None, term: str | None, exact: int) -> int | None:
    """`has`: the term stands in the text with no letter or digit beside it."""
    if value is None or term is None:
        return None
    if not exact:
        value, term = value.casefold(), term.casefold()
    at = value.find(term)
    while at >= 0:
        before, after = value[at - 1 : at], value[at + len(term) : at + len(term) + 1]
        if not TERM.match(before) and not TERM.match(after):
            return 1
        at = value.find(term, at + 1)
    return 0


def floor(value: float | None, size: float | None) -> float | None:
    """`bin` of a real."""
    return None if value is None or not size else math.floor(value / size) * size


class Percentile:
    """The nearest-rank percentile of a group."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._percentage = 0.0

    def step(self, value: float | None, percentage: float) -> None:
        """One row."""
        self._percentage = percentage
        if value is not None:
            self._values.append(value)

    def finalize(self) -> float | None:
        """The value below or at which so many percent of the rows lie."""
        if not self._values:
            return None
        rank = math.ceil(self._percentage / 100 * len(self._values))
        return sorted(self._values)[max(rank, 1) - 1]


def shown(value: Any, kind: Type) -> Any:
    """A value of SQLite as the query API shows it."""
    if value is None or kind in (STRING, DYNAMIC):
        return value
    if kind == BOOL:
        return bool(value)
    if kind == DATETIME:
        moment = EPOCH + timedelta(microseconds=value)
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond:06d}".rstrip("0") + "Z").replace(
            ".Z", "Z"
        )
    if kind == TIMESPAN:
        return timespan(int(value))
    if kind in (LONG, INT):
        return int(value)
    return float(value) if math.isfinite(value) else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")


__all__ = ["REAL", "install", "shown"]
