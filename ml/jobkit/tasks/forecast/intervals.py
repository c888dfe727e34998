"""Prediction intervals from errors that were made on hours the model had not seen (split conformal prediction, Vovk et
al. 2005; Lei et al. 2018). Errors are shares of the forecast. How large they are follows the season, how they grow with
the distance follows the step; each is learnt from all the errors that tell of it, since few tell of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.jobkit.errors import JobError
from ml.jobkit.tasks.forecast.calendar import SEASONS

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Places = npt.NDArray[np.int64]

LEAST = 100
"""Errors from which a scale or a quantile can be told."""
NEIGHBOURS = 2
"""Steps to both sides whose errors count as those of a step."""


def learn(errors: Numbers, seasons: Places, steps: Places, horizon: int, coverage: float) -> tuple[Numbers, Numbers]:
    """What to add to a forecast for the lower and the upper end, as shares of it; shape (seasons, horizon) each.

    Raises:
        JobError: there are too few errors.
    """
    if len(errors) < LEAST:
        raise JobError(f"{len(errors)} hours were left out for the intervals; {LEAST} are needed: give more rows")
    scales = _scales(errors, seasons)
    scaled = errors / scales[seasons]
    tail = (1 - coverage) / 2
    ends = np.array([_quantiles(scaled[np.abs(steps - step) <= NEIGHBOURS], scaled, tail) for step in range(horizon)])
    return scales[:, None] * ends[:, 0], scales[:, None] * ends[:, 1]


def _scales(errors: Numbers, seasons: Places) -> Numbers:
    """The median error of each season and the two beside it; of the whole year where they have too few."""
    found = np.full(SEASONS, np.median(np.abs(errors)))
    for season in range(SEASONS):
        distance = np.abs(seasons - season)
        near = errors[np.minimum(distance, SEASONS - distance) <= 1]
        if len(near) >= LEAST:
            found[season] = np.median(np.abs(near))
    return np.asarray(np.maximum(found, np.finfo(np.float32).eps))


def _quantiles(near: Numbers, all_errors: Numbers, tail: float) -> tuple[float, float]:
    """The two ends, one error further out than the plain quantile: a new error may lie beyond all that were seen."""
    ordered = np.sort(near if len(near) >= LEAST else all_errors)
    out = int(np.floor(tail * (len(ordered) + 1)))
    return float(ordered[max(out - 1, 0)]), float(ordered[min(len(ordered) - out, len(ordered) - 1)])
