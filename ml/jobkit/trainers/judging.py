"""Figures that trainers are watched by while they train, named as LightGBM's live figures are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from ml.jobkit.tasks.base import Lesson, Objective

    Array = npt.NDArray[Any]

LEADING: Mapping[Objective, tuple[str, float]] = {
    "binary": ("auc", 1.0),
    "multiclass": ("log_loss", -1.0),
    "regression": ("rmse", -1.0),
}
"""By objective: the figure that models are compared by, and 1 where more is better, -1 where less is."""


def figures(objective: Objective, target: Array, raw: Array) -> dict[str, float]:
    """What a trainer's `predict` is worth on rows whose target is known, by name."""
    if objective == "regression":
        return {
            "rmse": float(np.sqrt(np.mean((raw - target) ** 2))),
            "mae": float(np.mean(np.abs(raw - target))),
        }
    if objective == "binary":
        return {
            "auc": float(metrics.roc_auc_score(target, raw)),
            "log_loss": _log_loss(np.where(target == 1, raw, 1 - raw)),
        }
    return {
        "log_loss": _log_loss(raw[np.arange(len(target)), target]),
        "error": float(np.mean(raw.argmax(axis=1) != target)),
    }


def of_folds(lesson: Lesson, out_of_fold: Array) -> dict[str, float]:
    """Mean figures of a lesson's folds."""
    each = [figures(lesson.objective, lesson.target[rows], out_of_fold[rows]) for _, rows in lesson.folds]
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def _log_loss(of_the_truth: Array) -> float:
    """From the probability that each row's truth was given."""
    return float(-np.mean(np.log(np.clip(of_the_truth, np.finfo(np.float64).eps, 1))))
