"""Holidays by rule. A forecast knows three classes of day: an ordinary one, a holiday on which most people work, and
one on which most do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

ORDINARY, MINOR, MAJOR = 0, 1, 2
MONDAY, THURSDAY = 0, 3


def none(year: int) -> dict[date, int]:
    """Of a series that knows no holidays."""
    return {}


def united_states(year: int) -> dict[date, int]:
    """Federal holidays on the day itself (5 U.S.C. 6103), and the days beside them on which many do not work."""
    thanksgiving = _nth(year, 11, THURSDAY, 4)
    last_of_may = date(year, 5, 31)
    return {
        date(year, 1, 1): MAJOR,
        _nth(year, 1, MONDAY, 3): MINOR,  # Martin Luther King Jr.
        _nth(year, 2, MONDAY, 3): MINOR,  # Washington
        last_of_may - timedelta(days=last_of_may.weekday()): MAJOR,  # Memorial Day
        **({date(year, 6, 19): MINOR} if year >= 2021 else {}),  # Juneteenth
        date(year, 7, 4): MAJOR,
        _nth(year, 9, MONDAY, 1): MAJOR,  # Labor Day
        _nth(year, 10, MONDAY, 2): MINOR,  # Columbus
        date(year, 11, 11): MINOR,  # Veterans
        thanksgiving: MAJOR,
        thanksgiving + timedelta(days=1): MINOR,
        date(year, 12, 24): MINOR,
        date(year, 12, 25): MAJOR,
        date(year, 12, 31): MINOR,
    }


RULES: Mapping[str, Callable[[int], dict[date, int]]] = {"none": none, "united_states": united_states}


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    """The first, second, … day of the week `weekday` in a month; Monday is 0."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
