"""The `timespan` of a query: ISO 8601, an interval or a duration that ends now."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.errors import ServiceError
from emulator.monitor.kql.lexer import microseconds
from emulator.monitor.kql.types import MICROSECONDS

PERIOD = re.compile(
    r"P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


@dataclass(frozen=True)
class TimeRange:
    """Microseconds since 1970, both ends included; None is no bound."""

    start: int | None = None
    end: int | None = None


def read(text: str | None, now: int) -> TimeRange:
    """The range of `PT1H`, `start/end`, `start/PT1H` or `PT1H/end`.

    Raises:
        ServiceError: 400 when it is none of these.
    """
    if not text:
        return TimeRange()
    first, separator, second = text.partition("/")
    try:
        if not separator:
            return TimeRange(now - period(first), now)
        if first.startswith("P"):
            end = microseconds(second)
            return TimeRange(end - period(first), end)
        start = microseconds(first)
        return TimeRange(start, start + period(second) if second.startswith("P") else microseconds(second))
    except (ValueError, OverflowError):
        raise ServiceError(
            400, "BadArgumentError", f"The timespan '{text}' is no ISO 8601 duration or interval."
        ) from None


def period(text: str) -> int:
    """A duration in microseconds.

    Raises:
        ValueError: it is none.
    """
    found = PERIOD.fullmatch(text)
    if found is None:
        raise ValueError(text)
    seconds = sum(float(found[unit] or 0) * factor for unit, factor in SECONDS.items())
    return round(seconds * MICROSECONDS)
