"""From data by the hour to requests: an hour to start from, with the weeks before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.jobkit import encoding
from ml.jobkit.encodings.datetime import FORMAT
from ml.jobkit.errors import JobError
from ml.jobkit.kinds.series import Series as SeriesFeature
from ml.jobkit.tasks.base import Examples
from ml.jobkit.tasks.forecast import calendar, matrix
from ml.jobkit.tasks.forecast.windows import DAY, HISTORY

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.features import Feature, Specification
    from ml.jobkit.tasks.base import Prepared

    Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fields:
    """The two features of a forecast."""

    start: Feature
    series: Feature

    @classmethod
    def of(cls, specification: Specification) -> Fields:
        """By kind.

        Raises:
            JobError: there are others, or they do not have what a forecast needs.
        """
        kinds = {feature.type: feature for feature in specification.features}
        if sorted(kinds) != ["datetime", "series"] or len(specification.features) != len(kinds):
            said = ", ".join(f"{feature.name} ({feature.type})" for feature in specification.features)
            raise JobError(f"features.yaml: features are {said}; a forecast has one datetime and one series")
        found = cls(kinds["datetime"], kinds["series"])
        if found.series.length != HISTORY:
            raise JobError(f"features.yaml: length of {found.series.name} is {found.series.length}; write {HISTORY}")
        first, last = found.start.range or (-np.inf, np.inf)
        known = [(day - calendar.EPOCH).days for day in (calendar.FIRST, calendar.LAST)]
        if not known[0] <= first // DAY <= last // DAY <= known[1]:
            bounds = f"[{calendar.FIRST}, {calendar.LAST}]"
            raise JobError(f"features.yaml: range of {found.start.name}: write one within {bounds}")
        return found

    @property
    def missing(self) -> int:
        """Hours of a request's history that may be missing."""
        return self.series.missing if isinstance(self.series, SeriesFeature) else 0

    def starts(self, requests: pd.DataFrame) -> Places:
        """Hours since 1970."""
        found = encoding.of(self.start).tensor(self.start, requests[self.start.name])
        return found.reshape(-1).astype(np.int64)

    def history(self, requests: pd.DataFrame) -> npt.NDArray[np.float32]:
        """The weeks before, without gaps; shape (requests, `HISTORY`)."""
        return matrix.without_gaps(encoding.of(self.series).tensor(self.series, requests[self.series.name]))

    def examples(self, series: Series, starts: Places, horizon: int) -> Examples:
        """Requests that start at some hours, with what came; an hour that is missing there is not a number."""
        first = starts - series.first
        history = series.values[first[:, None] - HISTORY + np.arange(HISTORY)]
        names = [text(start) for start in starts]
        requests = pd.DataFrame({self.start.name: names, self.series.name: list(history)}, index=names)
        return Examples(requests, series.values[first[:, None] + np.arange(horizon)].astype(np.float64))


@dataclass(frozen=True)
class Series:
    """Values by the hour without a gap; a missing one is not a number."""

    first: int
    """Hours from 1970 to the first value."""
    values: npt.NDArray[np.float32]

    @classmethod
    def of(cls, fields: Fields, prepared: Prepared) -> Series:
        """Whatever order the data comes in.

        Raises:
            JobError: an hour comes twice.
        """
        hours = fields.starts(prepared.features)
        known, counts = np.unique(hours, return_counts=True)
        if (counts > 1).any():
            twice = ", ".join(text(hour) for hour in known[counts > 1][:3])
            raise JobError(f"{fields.start.name}: {twice} ({int((counts > 1).sum())} in all) comes twice; keep one")
        values = np.full(hours.max() - hours.min() + 1, np.nan, dtype=np.float32)
        values[hours - hours.min()] = prepared.labels.to_numpy(dtype=np.float32)
        return cls(int(hours.min()), values)

    def usable(self, starts: Places, missing: int) -> Places:
        """Those before which no more than `missing` hours are missing."""
        gaps = np.concatenate([[0], np.cumsum(np.isnan(self.values))])
        first = starts - self.first
        return np.asarray(starts[gaps[first] - gaps[first - HISTORY] <= missing])


def text(hour: Any) -> str:
    """An hour since 1970 as a request has it."""
    return str(pd.Timestamp(int(hour) * 3600, unit="s").strftime(FORMAT))
