"""Figures of a binary classifier, from labels (0 or 1) and the predicted probability of 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn import metrics as sklearn_metrics

if TYPE_CHECKING:
    import numpy.typing as npt

    Labels = npt.NDArray[np.integer]
    Probabilities = npt.NDArray[np.floating]

THRESHOLD = 0.5
"""A probability above it counts as 1."""


def binary(labels: Labels, probabilities: Probabilities) -> dict[str, float]:
    """All single figures.

    `auc` area under the ROC curve; `accuracy`, `precision`, `recall` at `THRESHOLD`; `average_precision`; `log_loss`
    in nats; `brier` mean squared error of the probability; `calibration_error`; `base_rate` share of 1.
    """
    predicted = probabilities > THRESHOLD
    return {
        "auc": auc(labels, probabilities),
        "accuracy": float(np.mean(predicted == labels)),
        "precision": float(sklearn_metrics.precision_score(labels, predicted, zero_division=0.0)),
        "recall": float(sklearn_metrics.recall_score(labels, predicted, zero_division=0.0)),
        "average_precision": float(sklearn_metrics.average_precision_score(labels, probabilities)),
        "log_loss": float(sklearn_metrics.log_loss(labels, probabilities, labels=[0, 1])),
        "brier": float(np.mean((probabilities - labels) ** 2)),
        "calibration_error": calibration(labels, probabilities).error,
        "base_rate": float(np.mean(labels)),
    }


def auc(labels: Labels, probabilities: Probabilities) -> float:
    """Area under the ROC curve: how often a random 1 gets a higher probability than a random 0."""
    return float(sklearn_metrics.roc_auc_score(labels, probabilities))


@dataclass(frozen=True)
class Calibration:
    """Predicted against observed share of 1, in bins of equally many rows, lowest probability first."""

    predicted: npt.NDArray[np.float64]
    observed: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean of |predicted - observed| over the bins, weighted by rows."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.rows))


def calibration(labels: Labels, probabilities: Probabilities, bins: int = 10) -> Calibration:
    """Cut the rows into bins by predicted probability (Guo et al. 2017, equation 3, with bins of equal size)."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return Calibration(
        predicted=np.array([np.mean(probabilities[part]) for part in parts]),
        observed=np.array([np.mean(labels[part]) for part in parts]),
        rows=np.array([len(part) for part in parts]),
    )


def confusion(labels: Labels, probabilities: Probabilities) -> npt.NDArray[np.int64]:
    """Counts of rows, shape (2, 2): [actual, predicted] at `THRESHOLD`."""
    counts = np.zeros((2, 2), dtype=np.int64)
    np.add.at(counts, (labels.astype(np.int64), (probabilities > THRESHOLD).astype(np.int64)), 1)
    return counts
