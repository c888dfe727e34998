"""Figures of a binary classifier over many resamples at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.jobkit.tasks.binary.figures import THRESHOLD

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.tasks.base import Scorer
    from ml.jobkit.tasks.binary.figures import Labels, Probabilities

    Counts = npt.NDArray[np.float64]
    Figures = npt.NDArray[np.float64]


def means(labels: Labels, probabilities: Probabilities) -> Scorer:
    """Metrics that are a mean over rows, or a quotient of two."""
    predicted, clipped = probabilities > THRESHOLD, np.clip(probabilities, np.finfo(float).eps, 1 - np.finfo(float).eps)
    right = (predicted == labels).astype(np.float64)
    hits = (predicted & (labels == 1)).astype(np.float64)
    surprise = -np.log(np.where(labels == 1, clipped, 1 - clipped))
    square = (probabilities - labels) ** 2

    def score(counts: Counts) -> dict[str, Figures]:
        rows, found = len(labels), counts @ hits
        return {
            "accuracy": counts @ right / rows,
            "precision": found / np.maximum(counts @ predicted.astype(np.float64), 1),
            "recall": found / (counts @ (labels == 1).astype(np.float64)),
            "log_loss": counts @ surprise / rows,
            "brier": counts @ square / rows,
        }

    return score


def ranks(labels: Labels, probabilities: Probabilities) -> Scorer:
    """Metrics of the order of the rows; rows of one probability count together."""
    order = np.argsort(-probabilities, kind="stable")
    first = np.flatnonzero(np.diff(probabilities[order], prepend=np.inf))
    positive = (labels == 1)[order].astype(np.float64)

    def score(counts: Counts) -> dict[str, Figures]:
        ordered = counts[:, order]
        hits = np.add.reduceat(ordered * positive, first, axis=1)
        misses = np.add.reduceat(ordered * (1 - positive), first, axis=1)
        hits_so_far, misses_so_far = np.cumsum(hits, axis=1), np.cumsum(misses, axis=1)
        positives, negatives = hits_so_far[:, -1], misses_so_far[:, -1]
        in_order = ((hits_so_far - hits / 2) * misses).sum(axis=1)
        precision = hits_so_far / np.maximum(hits_so_far + misses_so_far, 1)
        return {
            "auc": in_order / (positives * negatives),
            "average_precision": (precision * hits).sum(axis=1) / positives,
        }

    return score
