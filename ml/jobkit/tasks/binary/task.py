"""Binary classification inside jobs: labels are 0 and 1, the model says the probability of 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from ml.jobkit import golden, onnx_export, tabular
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Answers, Constants, Examples, Prepared, Scorer, Split
from ml.jobkit.tasks.binary import figures, scorers
from ml.jobkit.tasks.binary.contract import CONTRACT

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx
    import pandas as pd

    Array = npt.NDArray[Any]


class Task(tabular.Rows):
    """One binary classification."""

    contract = CONTRACT
    objective = "binary"

    def split(self, prepared: Prepared) -> Split:
        found = tabular.split(self.specification, prepared, prepared.labels.to_numpy(dtype=np.int64))
        name = self.specification.label.name
        for part, examples in (("training part", found.training), ("holdout set", found.holdout)):
            if len(np.unique(examples.labels)) < 2:
                raise JobError(
                    f"the {part} has {len(examples)} rows, {examples.labels.sum()} of them with {name} = 1; "
                    "it needs both labels: give more rows"
                )
        return found

    def fold_figures(self, target: Array, raw: Array) -> dict[str, float]:
        right = (raw > figures.THRESHOLD) == target
        return {"auc": figures.auc(target, raw), "accuracy": float(np.mean(right))}

    def answers(self, requests: pd.DataFrame, raw: Array, constants: Constants) -> Answers:
        return {"probability": raw, "label": (raw > figures.THRESHOLD).astype(np.int64)}

    def checked(self, answers: Answers, requests: int) -> str:
        found = answers["probability"].reshape(-1)
        wrong = ~((found >= 0) & (found <= 1))
        if len(found) == requests and not wrong.any():
            return ""
        return f"gives no probability on {int(wrong.sum())} of {requests} rows, such as {found[wrong][:1].tolist()}"

    def figures(self, examples: Examples, answers: Answers) -> dict[str, float]:
        return figures.binary(examples.labels, _probabilities(answers))

    def scorers(self, examples: Examples, answers: Answers) -> list[Scorer]:
        probabilities = _probabilities(answers)
        return [scorers.means(examples.labels, probabilities), scorers.ranks(examples.labels, probabilities)]

    def strata(self, examples: Examples) -> Array:
        return examples.labels

    def digest(self, examples: Examples) -> str:
        return tabular.digest(self.specification, examples, [bytes([label]) for label in examples.labels])

    def summary(self, examples: Examples) -> dict[str, Any]:
        return {"rows": len(examples), "positives": int(examples.labels.sum())}

    def golden(self, examples: Examples, answers: Answers) -> pd.DataFrame:
        return golden.requests(self.specification, examples.requests, answers["probability"])

    def graph(self, core: onnx.ModelProto, constants: Constants) -> onnx.ModelProto:
        return tabular.graph(self.specification, core, _answer())


def _probabilities(answers: Answers) -> npt.NDArray[np.float64]:
    return np.asarray(answers["probability"], dtype=np.float64).reshape(-1)


def _answer() -> onnx.ModelProto:
    """From probabilities (rows, 2) to the probability of 1 and the label."""
    constants = [
        helper.make_tensor("one", TensorProto.INT64, [], [1]),
        helper.make_tensor("half", TensorProto.FLOAT, [], [0.5]),
    ]
    nodes = [
        helper.make_node("Gather", ["probabilities", "one"], ["probability"], name="probability_of_1", axis=1),
        helper.make_node("Greater", ["probability", "half"], ["above"], name="above_half"),
        helper.make_node("Cast", ["above"], ["label"], name="to_label", to=TensorProto.INT64),
    ]
    graph = helper.make_graph(
        nodes,
        "answer",
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", 2])],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["rows"]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["rows"]),
        ],
        initializer=constants,
    )
    return helper.make_model(graph, opset_imports=onnx_export.opsets(), ir_version=10)
