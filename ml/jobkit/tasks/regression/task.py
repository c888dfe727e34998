"""Regression inside jobs: labels are numbers within a range, the model says the number that is expected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from ml.jobkit import features, golden, onnx_export, tabular
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Answers, Constants, Examples, Prepared, Scorer, Split
from ml.jobkit.tasks.contract import Contract
from ml.jobkit.tasks.regression import figures
from ml.jobkit.tasks.regression.contract import CONTRACT

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx
    import pandas as pd

    from ml.jobkit.features import Label, Specification

    Array = npt.NDArray[Any]

PRECISION = 1e-6
"""Of the labels' range: what sums of 32-bit floats may lose."""


class Task(tabular.Rows):
    """One regression. No answer is outside of the range that `features.yaml` gives the label."""

    objective = "regression"

    def __init__(self, specification: Specification) -> None:
        super().__init__(specification)
        self.range = _range(specification.label)
        self.contract = _contract(specification.label, self.range)

    def split(self, prepared: Prepared) -> Split:
        found = tabular.split(self.specification, prepared, prepared.labels.to_numpy(dtype=np.float64))
        name = self.specification.label.name
        for part, examples in (("training part", found.training), ("holdout set", found.holdout)):
            if len(np.unique(examples.labels)) < 2:
                raise JobError(
                    f"the {part} has {len(examples)} rows with {len(np.unique(examples.labels))} different values of "
                    f"{name}; it needs at least two: give more rows"
                )
        return found

    def fold_figures(self, target: Array, raw: Array) -> dict[str, float]:
        every = figures.regression(target, np.clip(raw, *self.range))
        return {name: every[name] for name in ("r2", "rmse")}

    def answers(self, requests: pd.DataFrame, raw: Array, constants: Constants) -> Answers:
        return {"prediction": np.clip(raw, *self.range)}

    def checked(self, answers: Answers, requests: int) -> str:
        found = np.asarray(answers["prediction"]).reshape(-1)
        wrong = ~np.isfinite(found)
        if len(found) == requests and not wrong.any():
            return ""
        return f"gives no number on {int(wrong.sum())} of {requests} rows, such as {found[wrong][:1].tolist()}"

    def figures(self, examples: Examples, answers: Answers) -> dict[str, float]:
        return figures.regression(examples.labels, _predictions(answers))

    def scorers(self, examples: Examples, answers: Answers) -> list[Scorer]:
        return [figures.scorer(examples.labels, _predictions(answers))]

    def strata(self, examples: Examples) -> Array:
        return np.zeros(len(examples), dtype=np.int64)

    def digest(self, examples: Examples) -> str:
        return tabular.digest(self.specification, examples, [f"{label:.9g}".encode() for label in examples.labels])

    def summary(self, examples: Examples) -> dict[str, Any]:
        return {"rows": len(examples), "mean": float(np.mean(examples.labels))}

    def golden(self, examples: Examples, answers: Answers) -> pd.DataFrame:
        return golden.requests(self.specification, examples.requests, answers["prediction"])

    def graph(self, core: onnx.ModelProto, constants: Constants) -> onnx.ModelProto:
        return tabular.graph(self.specification, core, _answer(self.range))


def _range(label: Label) -> tuple[float, float]:
    if label.range is None or not label.range[0] < label.range[1]:
        given = "missing" if label.range is None else f"{list(label.range)}"
        raise JobError(
            f"{features.FILE}: label: range is {given}; write [lowest, highest], the values that {label.name} can have"
        )
    return label.range


def _contract(label: Label, bounds: tuple[float, float]) -> Contract:
    lowest, highest = bounds
    text = f"{label.description}{f', in {label.unit}' if label.unit else ''}"
    answer = {"prediction": {"type": "number", "minimum": lowest, "maximum": highest, "description": text}}
    return replace(CONTRACT, answer=answer, absolute=max(CONTRACT.absolute, PRECISION * (highest - lowest)))


def _predictions(answers: Answers) -> npt.NDArray[np.float64]:
    return np.asarray(answers["prediction"], dtype=np.float64).reshape(-1)


def _answer(bounds: tuple[float, float]) -> onnx.ModelProto:
    """From numbers (rows, 1) to one number a request, within its bounds."""
    constants = [
        helper.make_tensor("last", TensorProto.INT64, [1], [1]),
        *(helper.make_tensor(n, TensorProto.FLOAT, [], [v]) for n, v in zip(("low", "high"), bounds, strict=True)),
    ]
    nodes = [
        helper.make_node("Squeeze", ["numbers", "last"], ["number"], name="one_a_request"),
        helper.make_node("Clip", ["number", "low", "high"], ["prediction"], name="within_bounds"),
    ]
    graph = helper.make_graph(
        nodes,
        "answer",
        [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["rows", 1])],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["rows"])],
        initializer=constants,
    )
    return helper.make_model(graph, opset_imports=onnx_export.opsets(), ir_version=10)
