"""The load by the hour, from the file as it comes: in whatever order, with gaps, and with the hours that a change of
the clock takes away or brings twice.

Times are those of the clock on the wall, because people get up by it. In spring an hour is missing: it stays so. In
autumn one comes twice, and its two loads are averaged. Nothing else is repaired, and no value is taken for an outlier:
those far from the rest are heat waves and the hurricane of October 2012, which is what a forecast is asked about.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ml.jobkit import frame, table
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Prepared

if TYPE_CHECKING:
    from pathlib import Path

    from ml.jobkit.features import Specification

FILE = "nyc-energy.csv"
TURNED_BACK = 1
"""The hour that comes twice, on the first Sunday of November (15 U.S.C. 260a)."""


@dataclass(frozen=True)
class Quality:
    """What was found while reading."""

    hours: int
    """With a load."""
    first: str
    last: str
    missing: int
    """Hours between the first and the last without a load, whether their row is missing or its load is."""
    repeated_rows: int
    """Rows that repeat another one word for word; left out."""
    hours_averaged: int
    """Hours that came twice when the clock was turned back."""

    def lines(self) -> list[str]:
        doubts = ("missing", "repeated_rows", "hours_averaged")
        found = asdict(self)
        size = f"{self.hours:,} hours from {self.first} to {self.last}"
        return [size, *(f"warning: {name.replace('_', ' ')}: {found[name]:,}" for name in doubts if found[name])]


def prepare(specification: Specification, folder: Path, *, strict: bool = True) -> Prepared:
    """One row an hour, by the start of the hour; `strict` as in `frame.build`.

    Raises:
        JobError: the file or a column is missing, a value cannot be used, or an hour comes twice with different loads.
    """
    start, series = (specification.feature(name) for name in ("start", "demand"))
    written = table.read_csv(folder / FILE, [start.column, series.column])
    if written.empty:
        raise JobError(f"{FILE} has no rows; give a file with at least one hour")
    built = frame.build(specification, written, strict=strict)
    distinct = built.drop_duplicates()
    twice = distinct[distinct[start.name].duplicated(keep=False)]
    _check(twice[start.name], start.column)
    hours = distinct.groupby(start.name, sort=True)[series.name].mean()
    frame_of_hours = hours.reset_index().set_index(start.name, drop=False).rename_axis(None)
    known = hours.dropna()
    if known.empty:
        raise JobError(f"{FILE}: {series.column} is empty in every row; give a file with loads")
    within = pd.date_range(known.index[0], known.index[-1], freq="h")
    quality = Quality(
        hours=len(known),
        first=known.index[0],
        last=known.index[-1],
        missing=len(within) - len(known),
        repeated_rows=len(built) - len(distinct),
        hours_averaged=twice[start.name].nunique(),
    )
    return Prepared(frame_of_hours, frame_of_hours[series.name].rename(specification.label.name), quality)


def _check(twice: pd.Series, column: str) -> None:
    """Only the hour of a clock turned back may come twice with different loads."""
    times = pd.to_datetime(twice)
    turned = (times.dt.month == 11) & (times.dt.day <= 7) & (times.dt.dayofweek == 6) & (times.dt.hour == TURNED_BACK)
    if not turned.all():
        wrong = frame.shown(twice[~turned]).partition(" (")[0]
        raise JobError(f"{FILE}: {column} {wrong} has rows with different loads; keep the right one")
