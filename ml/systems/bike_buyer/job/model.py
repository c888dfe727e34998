"""The model: gradient-boosted trees (LightGBM) on the encoded features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np

from ml.jobkit import metrics, splits

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ml.systems.bike_buyer.job.hyperparameters import Hyperparameters

    Matrix = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.int64]
    Groups = npt.NDArray[np.int64]
    OnRound = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class CrossValidation:
    """Figures of grouped folds: every row is predicted once, by a model that saw no row equal to it."""

    auc: npt.NDArray[np.float64]
    """One per fold."""
    accuracy: npt.NDArray[np.float64]
    """One per fold."""

    def summary(self) -> dict[str, float]:
        return {
            "cv_auc_mean": float(self.auc.mean()),
            "cv_auc_std": float(self.auc.std()),
            "cv_accuracy_mean": float(self.accuracy.mean()),
            "cv_accuracy_std": float(self.accuracy.std()),
        }


def fit(matrix: Matrix, labels: Labels, hyperparameters: Hyperparameters) -> Any:
    """Train on all the rows given. Returns a `lightgbm.Booster`."""
    data = lightgbm.Dataset(matrix, labels, params={"verbose": -1})
    return lightgbm.train(hyperparameters.parameters(), data, hyperparameters.rounds)


def predict(booster: Any, matrix: Matrix) -> npt.NDArray[np.float64]:
    """Probability of a purchase for each row."""
    return np.asarray(booster.predict(matrix, num_threads=1), dtype=np.float64)


def cross_validate(
    matrix: Matrix,
    labels: Labels,
    groups: Groups,
    hyperparameters: Hyperparameters,
    count: int = 5,
    on_round: OnRound | None = None,
) -> CrossValidation:
    """Train `count` models side by side, each without one fold; the hyperparameters' seed also shuffles the folds.

    `on_round(round, figures)` is called after each tree with the mean figures of the folds left out.
    """
    folds = list(splits.grouped_folds(groups, count, hyperparameters.seed))
    result = lightgbm.cv(
        hyperparameters.parameters() | {"metric": ["auc", "binary_logloss"] if on_round else "None"},
        lightgbm.Dataset(matrix, labels, params={"verbose": -1}, free_raw_data=False),
        hyperparameters.rounds,
        folds=folds,
        return_cvbooster=True,
        callbacks=[_reporting(on_round)] if on_round else None,
    )
    boosters = result["cvbooster"].boosters
    judged = [
        (labels[left_out], predict(booster, matrix[left_out]))
        for booster, (_, left_out) in zip(boosters, folds, strict=True)
    ]
    return CrossValidation(
        auc=np.array([metrics.auc(actual, found) for actual, found in judged]),
        accuracy=np.array([np.mean((found > metrics.THRESHOLD) == actual) for actual, found in judged]),
    )


def _reporting(on_round: OnRound) -> Callable[[Any], None]:
    names = {"auc": "cv_auc", "binary_logloss": "cv_log_loss"}

    def report(environment: Any) -> None:
        figures = {names[entry[1]]: float(entry[2]) for entry in environment.evaluation_result_list}
        on_round(environment.iteration + 1, figures)

    return report
