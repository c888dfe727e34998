"""Trains linear models on standardised columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from ml.jobkit.trainers import judging
from ml.jobkit.trainers.base import Attributions, Report
from ml.jobkit.trainers.sklearn.model import Linear, shaped

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from ml.jobkit.tasks.base import Lesson
    from ml.jobkit.trainers.sklearn.settings import Settings

    Array = npt.NDArray[Any]

ITERATIONS = 10_000
"""Of the solver, at most; it ends when the weights no longer move."""


class Trainer:
    """Logistic or ridge regression with fixed hyperparameters."""

    packages: ClassVar[tuple[str, ...]] = ("scikit-learn",)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def cross_validate(self, lesson: Lesson, report: Report) -> Array:
        """Reports the mean of the folds so far after each."""
        found = np.full((len(lesson.target), *self._shape(lesson)), np.nan)
        each: list[dict[str, float]] = []
        for number, (rows, left_out) in enumerate(lesson.folds, start=1):
            found[left_out] = self.fit(lesson.part(rows)).predict(lesson.matrix[left_out])
            each.append(judging.figures(lesson.objective, lesson.target[left_out], found[left_out]))
            report(number, {f"cv_{name}": float(np.mean([one[name] for one in each])) for name in each[0]})
        return found

    def fit(self, lesson: Lesson) -> Linear:
        """One thread: sums are added in the same order on every machine."""
        columns = shaped(lesson.matrix, self.settings.shape)
        mean, deviation = columns.mean(axis=0), columns.std(axis=0)
        deviation[deviation == 0] = 1.0  # a column that never changes says nothing; its weight becomes 0
        with threadpool_limits(1):
            weights, intercept = self._solve(lesson, (columns - mean) / deviation)
        return Linear(lesson.objective, self.settings.shape, mean, deviation, weights, intercept)

    def predict(self, model: Linear, matrix: npt.NDArray[np.float32]) -> Array:
        return model.predict(matrix)

    def core(self, model: Linear, lesson: Lesson) -> onnx.ModelProto:
        return model.graph()

    def attributions(self, model: Linear, matrix: npt.NDArray[np.float32]) -> Attributions | None:
        """Exact SHAP values of a linear model, each column for itself (Lundberg and Lee 2017, corollary 1)."""
        if model.weights.shape[1] != 1:
            return None
        scale = "log-odds" if model.objective == "binary" else "answer"
        return Attributions(model.columns(matrix) * model.weights[:, 0], float(model.intercept[0]), scale)

    def record(self) -> Mapping[str, Any]:
        return {}

    def _shape(self, lesson: Lesson) -> tuple[int, ...]:
        return (lesson.classes,) if lesson.objective == "multiclass" else ()

    def _solve(self, lesson: Lesson, columns: Array) -> tuple[Array, Array]:
        """(weights, intercepts), one column an output."""
        if lesson.objective == "regression":
            ridge = Ridge(alpha=self.settings.penalty).fit(columns, lesson.target)
            return ridge.coef_.reshape(-1, 1), np.array([ridge.intercept_], dtype=np.float64)
        logistic = LogisticRegression(C=1 / self.settings.penalty, max_iter=ITERATIONS).fit(columns, lesson.target)
        if lesson.objective == "binary":
            return logistic.coef_.T, logistic.intercept_
        said, start = logistic.coef_, logistic.intercept_
        if len(logistic.classes_) == 2:  # scikit-learn states one output for two classes
            said, start = np.vstack([0 * said, said]), np.array([0, start[0]])
        # A class that the rows lack has no output of scikit-learn's; it is never answered.
        weights, intercept = np.zeros((columns.shape[1], lesson.classes)), np.full(lesson.classes, -np.inf)
        weights[:, logistic.classes_], intercept[logistic.classes_] = said.T, start
        return weights, intercept
