"""Which hours of a series' history each column of the matrix is made of. Matrix and graph both follow these tables, so
they cannot differ.

Every such column is a mean of values of the history as a share of the mean of the last day, or a quotient of two: a
model that sees shares of the present level forecasts a year of a higher level as well as one it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]

DAY, WEEK = 24, 168
HISTORY = 4 * WEEK
"""Hours that a request brings."""
LONGEST = WEEK
"""Hours that can be forecast at most."""


@dataclass(frozen=True)
class Window:
    """The mean of some hours of the history."""

    name: str
    ends: Positions
    """Shape (horizon, stretches): the last hour of each stretch, for each hour of the forecast."""
    length: int = 1
    """Hours of a stretch."""

    @property
    def hours(self) -> int:
        return self.length * int(self.ends.shape[1])


QUOTIENTS = (
    ("last_hour_to_usual", "last_hour", "usual_last_hour"),
    ("last_hour_to_day_before", "last_hour", "day_before_last_hour"),
    ("last_hour_to_week_before", "last_hour", "week_before_last_hour"),
    ("same_hour_to_usual", "same_hour", "usual_hour"),
)
"""Columns that divide one window by another: name, dividend, divisor."""
LEVEL = Window("level", np.array([[HISTORY - 1]]), DAY)
"""The last day."""


def windows(horizon: int) -> list[Window]:
    """The windows of a forecast of `horizon` hours. Only what is known at its start is used."""
    target = np.arange(horizon)[:, None]
    first = days_ahead(horizon) * DAY

    def before_start(name: str, backs: Iterable[int], length: int = 1) -> Window:
        """Ends counted back from the start: 1 is the last known hour."""
        return Window(name, np.tile(HISTORY - np.array(list(backs)), (horizon, 1)), length)

    def before_target(name: str, backs: Iterable[int], length: int = 1) -> Window:
        """Ends counted back from the hour that is forecast."""
        return Window(name, HISTORY + target - np.array(list(backs)), length)

    return [
        before_start("last_hour", [1]),
        before_start("hour_before", [2]),
        before_start("day_before_last_hour", [1 + DAY]),
        before_start("week_before_last_hour", [1 + WEEK]),
        before_start("usual_last_hour", [1 + WEEK * weeks for weeks in (1, 2, 3)]),
        before_start("day_before", [1 + DAY], DAY),
        before_start("last_week", [1], WEEK),
        Window("same_hour", HISTORY + target - (target // DAY + 1) * DAY),
        *(before_target(f"same_hour_{back // DAY}_days", [back]) for back in range(first, WEEK + 1, DAY)),
        *(before_target(f"same_hour_{weeks}_weeks", [WEEK * weeks]) for weeks in (2, 3)),
        before_target("usual_hour", [WEEK * weeks for weeks in (1, 2, 3, 4)]),
        before_target("day_known", [first], DAY),
        before_target("day_a_week_before", [WEEK], DAY),
        before_target("week_known", [first], WEEK),
    ]


def days_ahead(horizon: int) -> int:
    """After how many days the same hour of the day is known for every hour of a forecast."""
    return -(-horizon // DAY)
