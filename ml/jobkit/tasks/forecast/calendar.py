"""What the clock says of an hour, as a table with one row a day. A graph holds the same table, so both read it alike,
and a holiday needs no formula.

Hours are counted from 1970-01-01 00:00 by the local clock, as if no clock were ever changed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from ml.jobkit.tasks.forecast import holidays
from ml.jobkit.tasks.forecast.windows import DAY, WEEK, days_ahead

if TYPE_CHECKING:
    import numpy.typing as npt

EPOCH = date(1970, 1, 1)
FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)
"""Days on which a forecast may begin."""
MARGIN = 16
"""Days that the table has beside them: a forecast ends later, and looks back a week."""
START = (FIRST - EPOCH).days - MARGIN
"""The day of the table's first row, counted from 1970."""
WEEKDAY, DAY_OF_YEAR, CLASS = range(3)
"""Columns of the table."""
SEASONS, LONGEST_YEAR = 12, 366
"""A season is a twelfth of the year."""


def table(rule: str) -> npt.NDArray[np.int64]:
    """Day of the week (Monday is 0), day of the year (1 to 366) and class of each day.

    Args:
        rule: a name of `holidays.RULES`.
    """
    days = [EPOCH + timedelta(days=START + row) for row in range((LAST - FIRST).days + 1 + 2 * MARGIN)]
    years = range(days[0].year, days[-1].year + 1)
    known = {day: found for year in years for day, found in holidays.RULES[rule](year).items()}
    rows = [(day.weekday(), day.timetuple().tm_yday, known.get(day, holidays.ORDINARY)) for day in days]
    return np.array(rows, dtype=np.int64)


def shifts(horizon: int) -> tuple[int, ...]:
    """The days whose class a forecast knows of, beside the day itself: its neighbours and those it is compared to."""
    return (-1, 1, -days_ahead(horizon), -WEEK // DAY)
