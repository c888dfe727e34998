"""Figures of a regression, from true and predicted numbers; of one set of rows, and over many resamples at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.tasks.base import Scorer

    Numbers = npt.NDArray[np.float64]


def regression(labels: Numbers, predictions: Numbers) -> dict[str, float]:
    """All single figures, as `contract.py` describes them."""
    error = predictions - labels
    rmse = float(np.sqrt(np.mean(error**2)))
    return {
        "nrmse": rmse / float(np.ptp(labels)),
        "r2": r2(labels, predictions),
        "rmse": rmse,
        "mae": float(np.mean(np.abs(error))),
        "median_error": float(np.median(np.abs(error))),
        "bias": float(np.mean(error)),
        "label_mean": float(np.mean(labels)),
    }


def r2(labels: Numbers, predictions: Numbers) -> float:
    """Share of the labels' variance that the predictions explain."""
    return float(1 - np.mean((predictions - labels) ** 2) / np.var(labels))


def scorer(labels: Numbers, predictions: Numbers) -> Scorer:
    """The figures that are a mean over rows, or made of means.

    The range of the labels is that of all rows: of a resample it would depend on two rows alone.
    """
    error, centred = predictions - labels, labels - labels.mean()
    square, size, width = error**2, np.abs(error), float(np.ptp(labels))

    def score(counts: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        rows = counts.sum(axis=1)
        mean_square = counts @ square / rows
        variance = counts @ centred**2 / rows - (counts @ centred / rows) ** 2
        return {
            "nrmse": np.sqrt(mean_square) / width,
            "r2": 1 - mean_square / variance,
            "rmse": np.sqrt(mean_square),
            "mae": counts @ size / rows,
        }

    return score
