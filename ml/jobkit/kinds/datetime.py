"""`datetime`: a point in local time, written as ISO 8601 without an offset, such as 2017-02-01T06:00:00."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from ml.jobkit.document import Section
from ml.jobkit.features import Feature

PARTS = ("hour", "weekday", "month")
EPOCH = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True)
class Datetime(Feature):
    """A request carries the text; the graph takes hours since 1970 and derives the parts itself."""

    plain = False
    parts: tuple[str, ...] = ()
    """What is derived from it, each a column."""

    @property
    def columns(self) -> tuple[str | None, ...]:
        return self.parts

    @property
    def raw(self) -> str:
        return "timestamp"

    def number(self, value: Any) -> float:
        return hours(value)

    def text(self, value: Any) -> str:
        return str(value)


def hours(text: str) -> float:
    """Hours since 1970, by the clock on the wall.

    Raises:
        ValueError: it is no such point in time.
    """
    found = datetime.datetime.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError(f"{text!r} has an offset; write local time")
    return (found - EPOCH).total_seconds() / 3600


def read(section: Section, common: dict[str, Any]) -> Datetime:
    """Its keys are `parts`, the columns a model of rows sees (a forecast derives its own and has none), and `range`,
    the first and the last day on which a point in time may lie.
    """
    parts = section.texts("parts") if section.has("parts") else ()
    for part in parts:
        if part not in PARTS:
            section.fail("parts", part, f"write some of {', '.join(PARTS)}")
    return Datetime(**common, parts=parts, range=_range(section) if section.has("range") else None)


def _range(section: Section) -> tuple[float, float]:
    """In hours since 1970; the last day counts to its end."""
    days = section.take("range")
    if not isinstance(days, list) or [type(day) for day in days] != [datetime.date] * 2 or days[0] > days[1]:
        section.fail("range", days, "write [first day, last day], each as year-month-day without quotes")
    first, last = (24.0 * (day - EPOCH.date()).days for day in days)
    return first, last + 24 - 1 / 3600
