"""Figures of forecasts. An hour whose true value is missing counts nowhere; every origin counts the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.jobkit.tasks.forecast.windows import DAY, HISTORY, WEEK

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Origins:
    """Means over the hours of each origin; shape (origins,) each."""

    error: Numbers
    """Absolute error in percent of the true value."""
    bias: Numbers
    distance: Numbers
    """Absolute error in the unit of the series."""
    square: Numbers
    covered: Numbers
    width: Numbers
    naive_day: Numbers
    naive_week: Numbers
    coverage: float
    """What the intervals state."""

    def figures(self, weights: Numbers) -> dict[str, Numbers]:
        """All figures but the worst origin, for each row of weights, which has as many entries as there are origins."""
        weights = weights / weights.sum(axis=1, keepdims=True)
        mape, day, week = (weights @ one for one in (self.error, self.naive_day, self.naive_week))
        covered = weights @ self.covered
        return {
            "mape": mape,
            "improvement": 1 - mape / np.minimum(day, week),
            "mae": weights @ self.distance,
            "rmse": np.sqrt(weights @ self.square),
            "bias": weights @ self.bias,
            "coverage": covered,
            "coverage_error": np.abs(covered - self.coverage),
            "interval_width": weights @ self.width,
            "naive_day_mape": day,
            "naive_week_mape": week,
        }

    def whole(self) -> dict[str, float]:
        """Every figure of the contract."""
        found = self.figures(np.ones((1, len(self.error))))
        return {name: float(values[0]) for name, values in found.items()} | {"worst_origin": float(self.error.max())}


def origins(
    true: Numbers, forecast: Numbers, lower: Numbers, upper: Numbers, filled: Numbers, coverage: float
) -> Origins:
    """Compare with what came; `filled` is what was known before each origin, without gaps."""
    naive_day, naive_week = (filled[:, places] for places in naive(true.shape[1]))
    width = (upper - lower) / forecast * 100
    return Origins(
        error=_mean(_percent(forecast, true)),
        bias=_mean((forecast - true) / true * 100),
        distance=_mean(np.abs(forecast - true)),
        square=_mean((forecast - true) ** 2),
        covered=_mean(np.where(np.isnan(true), np.nan, (lower <= true) & (true <= upper))),
        width=_mean(np.where(np.isnan(true), np.nan, width)),
        naive_day=_mean(_percent(naive_day, true)),
        naive_week=_mean(_percent(naive_week, true)),
        coverage=coverage,
    )


def naive(horizon: int) -> tuple[Places, Places]:
    """Where in the history the two naive forecasts lie: the same hour as many whole days before as the forecast is
    long, and a week before.
    """
    target = np.arange(horizon)
    return HISTORY + target - -(-horizon // DAY) * DAY, HISTORY + target - WEEK


def _percent(forecast: Numbers, true: Numbers) -> Numbers:
    found: Numbers = np.abs(forecast - true) / np.abs(true) * 100
    return found


def _mean(values: Numbers) -> Numbers:
    found: Numbers = np.nanmean(values, axis=1)
    return found
