"""What a model sees of requests: one row for each hour that is forecast. `graph.py` does the same with a request.

Sums are taken in 64 bits of values that 32 bits hold, so they are exact in whatever order they are added, as long as
the values of a request do not differ by a factor of a million. Means and quotients are then one rounding each. So the
graph has the same numbers, and no row takes another branch of a tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.jobkit.tasks.forecast import calendar
from ml.jobkit.tasks.forecast.windows import DAY, LEVEL, QUOTIENTS, WEEK, Window, windows

if TYPE_CHECKING:
    import numpy.typing as npt

    Hours = npt.NDArray[np.int64]
    History = npt.NDArray[np.float32]
    Exact = npt.NDArray[np.float64]

CLASSES = ("class", "class_before", "class_after", "class_of_known_day", "class_a_week_before")
STEP, DAY_OF_YEAR = 0, 3
"""Places of two columns."""


def columns(horizon: int) -> list[str]:
    """Names of the matrix's columns."""
    history = [window.name for window in windows(horizon)] + [name for name, _, _ in QUOTIENTS]
    return ["step", "hour", "weekday", "day_of_year", *CLASSES, *history, LEVEL.name]


def matrix(starts: Hours, filled: History, horizon: int, days: Hours) -> npt.NDArray[np.float32]:
    """Shape (requests x horizon, columns); all hours of the first request come first.

    Args:
        starts: the first hour that is forecast, of each request.
        filled: the hours before, shape (requests, `windows.HISTORY`), without gaps.
        days: the calendar's table.
    """
    sums = running_sums(filled)
    level = mean(sums, LEVEL)
    means = {window.name: mean(sums, window) for window in windows(horizon)}
    parts: list[npt.NDArray[np.generic]] = [
        *_calendar(starts, horizon, days),
        *(found / level for found in means.values()),
        *(means[dividend] / means[divisor] for _, dividend, divisor in QUOTIENTS),
        level,
    ]
    shape = (len(starts), horizon)
    joined = np.stack([np.broadcast_to(part, shape).astype(np.float32) for part in parts], axis=2)
    return joined.reshape(-1, len(parts))


def running_sums(filled: History) -> Exact:
    """Entry [i, j]: the sum of the first j hours."""
    return np.pad(np.cumsum(filled, axis=1, dtype=np.float64), ((0, 0), (1, 0)))


def mean(sums: Exact, window: Window) -> Exact:
    """Shape (requests, horizon)."""
    after = window.ends + 1
    found: Exact = (sums[:, after] - sums[:, after - window.length]).sum(axis=2) / window.hours
    return found


def without_gaps(history: History) -> History:
    """A missing hour takes the value of a week before, else of a week after, else the mean of what is known."""
    weeks = list(np.split(history, history.shape[1] // WEEK, axis=1))
    for week, beside in borrowing(len(weeks)):
        weeks[week] = np.where(np.isnan(weeks[week]), weeks[beside], weeks[week])
    found = np.concatenate(weeks, axis=1)
    missing = np.isnan(found)
    known = np.where(missing, np.float32(0), found).sum(axis=1, dtype=np.float64, keepdims=True)
    counts = (~missing).sum(axis=1, keepdims=True).astype(np.float64)
    means = np.divide(known, counts, out=np.full_like(known, np.nan), where=counts > 0)
    return np.where(missing, means.astype(np.float32), found)


def borrowing(weeks: int) -> list[tuple[int, int]]:
    """Which week takes missing hours from which, in order."""
    later = [(week, week - 1) for week in range(1, weeks)]
    return later + [(week, week + 1) for week in reversed(range(weeks - 1))]


def seasons(day_of_year: Hours) -> Hours:
    """The twelfth of the year, counted from 0."""
    return (day_of_year - 1) * calendar.SEASONS // calendar.LONGEST_YEAR


def rows_of_days(starts: Hours, horizon: int) -> Hours:
    """Row of the calendar's table for each hour; shape (requests, horizon)."""
    return (starts[:, None] + np.arange(horizon)) // DAY - calendar.START


def _calendar(starts: Hours, horizon: int, days: Hours) -> list[Hours]:
    rows = rows_of_days(starts, horizon)
    steps = np.arange(horizon)
    return [
        steps,
        (starts[:, None] + steps) % DAY,
        days[rows, calendar.WEEKDAY],
        days[rows, calendar.DAY_OF_YEAR],
        *(days[rows + shift, calendar.CLASS] for shift in (0, *calendar.shifts(horizon))),
    ]
