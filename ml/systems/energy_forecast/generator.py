"""Made-up electricity demand, for machines without the real file.

`python -m ml.systems.energy_forecast.generator --rows N --seed S --output FOLDER` writes `nyc-energy.csv` with the
columns of the real file, one row an hour from 2012 on.

What is planted: demand is the product of a calendar that `expected` gives (hour, kind of day, season, growth) and of a
weather that remembers `MEMORY` of its last hour. Whoever knew both could forecast 48 hours with an error of
`planted_mape()`; none can do better but by luck. Gaps are as in the real file: the hour that a clock turned forward
takes away, and a load missing now and then.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ml.jobkit import generating
from ml.jobkit.tasks.forecast.holidays import MAJOR, MINOR, united_states
from ml.systems.energy_forecast.prepare import FILE

COLUMNS = ("dtime", "nycdemand", "precip", "temp")
FIRST = datetime(2012, 1, 1)
LEVEL = 6000.0
"""Megawatts."""
GROWTH = 0.01
"""Of the level, a year."""
MEMORY, SHOCK = 0.99, 0.011
"""Share of the weather of the hour before that stays, and the standard deviation of what comes new."""
GAPS = 0.0005
"""Share of hours without a load."""
WORKING = (
    *(0.76, 0.72, 0.69, 0.68, 0.69, 0.74, 0.84, 0.95, 1.03, 1.07, 1.09, 1.11),
    *(1.11, 1.12, 1.12, 1.12, 1.13, 1.14, 1.13, 1.11, 1.08, 1.03, 0.95, 0.85),
)
RESTING = (
    *(0.77, 0.72, 0.69, 0.67, 0.66, 0.67, 0.69, 0.74, 0.81, 0.88, 0.93, 0.96),
    *(0.98, 0.98, 0.98, 0.98, 0.99, 1.01, 1.02, 1.02, 1.00, 0.97, 0.91, 0.83),
)
"""Shares of the level by the hour of the day."""


def expected(hour: datetime) -> float:
    """The planted demand of an hour in usual weather, in megawatts."""
    kind = united_states(hour.year).get(hour.date(), 0)
    resting = hour.weekday() >= 5 or kind == MAJOR
    share = (RESTING if resting else WORKING)[hour.hour] * (0.97 if kind == MINOR else 1.0)
    angle = 2 * math.pi * (hour.timetuple().tm_yday - 205) / 365.25
    season = 1 + 0.10 * math.cos(angle) + 0.08 * math.cos(2 * angle)
    years = (hour - FIRST).days / 365.25
    return LEVEL * share * season * (1 + GROWTH * years)


def planted_mape(horizon: int = 48) -> float:
    """The error in percent of whoever knew `expected` and the present weather: the mean of |e|, normal with the spread
    that the weather gathers until then.
    """
    spreads = (SHOCK * math.sqrt((1 - MEMORY ** (2 * step)) / (1 - MEMORY**2)) for step in range(1, horizon + 1))
    return 100 * math.sqrt(2 / math.pi) * sum(spreads) / horizon


def hours(rows: int, seed: int) -> Iterator[dict[str, Any]]:
    """The rows of the file."""
    draw, weather = generating.draws(seed), 0.0
    for number in range(rows):
        hour = FIRST + timedelta(hours=number)
        weather = MEMORY * weather + SHOCK * _normal(draw)
        missing = draw.random() < GAPS or _turned_forward(hour)
        load = "" if missing else f"{expected(hour) * (1 + weather):.1f}"
        yield {"dtime": str(hour), "nycdemand": load, "precip": "0.0", "temp": f"{55 + 200 * weather:.2f}"}


def _normal(draw: random.Random) -> float:
    """Nearly normal, by sums alone: logarithms differ between machines in the last digit."""
    return sum(draw.random() for _ in range(12)) - 6


def _turned_forward(hour: datetime) -> bool:
    """Two o'clock on the second Sunday of March."""
    return hour.month == 3 and 8 <= hour.day <= 14 and hour.weekday() == 6 and hour.hour == 2


if __name__ == "__main__":
    generating.main("energy_forecast", FILE, COLUMNS, hours, 30_000, {"planted_mape": round(planted_mape(), 2)})
