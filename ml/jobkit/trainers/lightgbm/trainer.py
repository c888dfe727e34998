"""Trains gradient-boosted trees and writes them as a graph that takes the same branches."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import lightgbm
import numpy as np

from ml.jobkit import onnx_export
from ml.jobkit.trainers.base import Attributions, Report
from ml.jobkit.trainers.lightgbm.settings import LOSSES

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from ml.jobkit.tasks.base import Lesson
    from ml.jobkit.trainers.lightgbm.settings import Settings

    Array = npt.NDArray[Any]
    Matrix = npt.NDArray[np.float32]

THRESHOLDS = re.compile(r"^threshold=(.*)$", re.MULTILINE)
TREE_SIZES = re.compile(r"^tree_sizes=.*\n", re.MULTILINE)
OBJECTIVES = {
    "binary": (["auc", "binary_logloss"], {"auc": "cv_auc", "binary_logloss": "cv_log_loss"}),
    "multiclass": (["multi_logloss", "multi_error"], {"multi_logloss": "cv_log_loss", "multi_error": "cv_error"}),
    "regression": (["rmse", "l1"], {"rmse": "cv_rmse", "l1": "cv_mae"}),
}
"""By objective: LightGBM's live metrics, and what they are called."""


class Trainer:
    """Gradient boosting with fixed hyperparameters."""

    packages: ClassVar[tuple[str, ...]] = ("lightgbm", "onnxmltools")

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def cross_validate(self, lesson: Lesson, report: Report) -> Array:
        """Trains one model a fold side by side; figures come after each tree."""
        metrics, names = OBJECTIVES[lesson.objective]
        result = lightgbm.cv(
            self._parameters(lesson) | {"metric": metrics},
            lightgbm.Dataset(lesson.matrix, lesson.target, params={"verbose": -1}, free_raw_data=False),
            self.settings.rounds,
            folds=list(lesson.folds),
            return_cvbooster=True,
            callbacks=[_reporting(report, names)],
        )
        found: Array | None = None
        for booster, (_, left_out) in zip(result["cvbooster"].boosters, lesson.folds, strict=True):
            said = self.predict(booster, lesson.matrix[left_out])
            if found is None:
                found = np.full((len(lesson.target), *said.shape[1:]), np.nan)
            found[left_out] = said
        return np.full(len(lesson.target), np.nan) if found is None else found

    def fit(self, lesson: Lesson) -> Any:
        """A `lightgbm.Booster` whose thresholds 32-bit floats hold."""
        data = lightgbm.Dataset(lesson.matrix, lesson.target, params={"verbose": -1})
        return with_float_thresholds(lightgbm.train(self._parameters(lesson), data, self.settings.rounds))

    def predict(self, model: Any, matrix: Matrix) -> Array:
        return np.asarray(model.predict(matrix, num_threads=1), dtype=np.float64)

    def core(self, model: Any, lesson: Lesson) -> onnx.ModelProto:
        from onnxmltools import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType

        trees = convert_lightgbm(
            model,
            initial_types=[(onnx_export.MATRIX, FloatTensorType([None, lesson.matrix.shape[1]]))],
            name="trees",
            zipmap=False,
            target_opset=onnx_export.OPSET,
        )
        return onnx_export.usable(trees)

    def attributions(self, model: Any, matrix: Matrix) -> Attributions | None:
        """Exact SHAP values of trees (Lundberg et al. 2020, TreeSHAP); of several classes there is no single one."""
        found = np.asarray(model.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64)
        if found.shape[1] != matrix.shape[1] + 1:
            return None
        scale = "log-odds" if model.params.get("objective") == "binary" else "answer"
        return Attributions(found[:, :-1], base=float(found[0, -1]), scale=scale)

    def record(self) -> Mapping[str, Any]:
        return {}

    def _parameters(self, lesson: Lesson) -> dict[str, Any]:
        classes = {"num_class": lesson.classes} if lesson.objective == "multiclass" else {}
        objective = LOSSES[self.settings.loss] if lesson.objective == "regression" else lesson.objective
        return self.settings.parameters() | {"objective": objective, **classes}


def with_float_thresholds(booster: Any) -> Any:
    """The same LightGBM model with thresholds that 32-bit floats hold, as ONNX stores them.

    Each threshold is rounded down: for a 32-bit x and a 64-bit t, x <= t holds exactly when x <= floor32(t). So no row,
    seen or unseen, takes another branch in ONNX than in LightGBM. Rounding to nearest would not keep that.
    """
    # The sizes are byte offsets that the new thresholds make wrong; without them LightGBM reads tree after tree.
    text = THRESHOLDS.sub(_rounded_down, TREE_SIZES.sub("", booster.model_to_string()))
    return lightgbm.Booster(model_str=text)


def _reporting(report: Report, names: Mapping[str, str]) -> Callable[[Any], None]:
    def told(environment: Any) -> None:
        figures = {names[entry[1]]: float(entry[2]) for entry in environment.evaluation_result_list}
        report(environment.iteration + 1, figures)

    return told


def _rounded_down(line: re.Match[str]) -> str:
    exact = np.array(line[1].split(), dtype=np.float64)
    nearest = exact.astype(np.float32)
    below = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    return "threshold=" + " ".join(repr(float(value)) for value in below)
