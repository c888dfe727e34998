"""Figures of a classification with several classes, from the number of the true class and the probabilities of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn import metrics

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.tasks.base import Scorer

    Labels = npt.NDArray[np.integer]
    Probabilities = npt.NDArray[np.floating]


def multiclass(labels: Labels, probabilities: Probabilities) -> dict[str, float]:
    """All single figures, as `contract.py` describes them; every class has rows."""
    said, classes = probabilities.argmax(axis=1), np.arange(probabilities.shape[1])
    areas = [metrics.roc_auc_score(labels == one, probabilities[:, one]) for one in classes]
    return {
        "accuracy": float(np.mean(said == labels)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(labels, said)),
        "macro_f1": float(metrics.f1_score(labels, said, labels=classes, average="macro", zero_division=0.0)),
        "auc": float(np.mean(areas)),
        "log_loss": log_loss(labels, probabilities),
        "majority": float(np.bincount(labels).max() / len(labels)),
    }


def log_loss(labels: Labels, probabilities: Probabilities) -> float:
    """Mean surprise."""
    return float(np.mean(_surprise(labels, probabilities)))


def scorer(labels: Labels, probabilities: Probabilities) -> Scorer:
    """The figures that are a mean over rows, or over rows of a class."""
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    surprise = _surprise(labels, probabilities)
    members = np.eye(probabilities.shape[1])[labels]

    def score(counts: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        rows = counts.sum(axis=1)
        recalls = (counts * right) @ members / np.maximum(counts @ members, 1)
        return {
            "accuracy": counts @ right / rows,
            "balanced_accuracy": recalls.mean(axis=1),
            "log_loss": counts @ surprise / rows,
        }

    return score


def _surprise(labels: Labels, probabilities: Probabilities) -> npt.NDArray[np.float64]:
    true = np.asarray(probabilities, dtype=np.float64)[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.clip(true, np.finfo(np.float64).eps, 1)))
