"""Classification with several classes inside jobs: a label is a class's text, the model says each one's probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from ml.jobkit import features, golden, onnx_export, tabular
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Answers, Constants, Examples, Prepared, Scorer, Split
from ml.jobkit.tasks.contract import Contract
from ml.jobkit.tasks.multiclass import figures
from ml.jobkit.tasks.multiclass.contract import CONTRACT

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx
    import pandas as pd

    from ml.jobkit.features import Specification

    Array = npt.NDArray[Any]


class Task(tabular.Rows):
    """One classification. Its classes and their order are those of the label in `features.yaml`."""

    objective = "multiclass"

    def __init__(self, specification: Specification) -> None:
        super().__init__(specification)
        self.classes = specification.label.classes
        if len(self.classes) < 2:
            raise JobError(
                f"{features.FILE}: label: classes is {list(self.classes)}; write every value that "
                f"{specification.label.name} can have"
            )
        self.contract = _contract(self.classes)

    def split(self, prepared: Prepared) -> Split:
        numbers = {name: number for number, name in enumerate(self.classes)}
        found = tabular.split(self.specification, prepared, prepared.labels.map(numbers).to_numpy(dtype=np.int64))
        for part, examples in (("training part", found.training), ("holdout set", found.holdout)):
            there = np.bincount(examples.labels, minlength=len(self.classes))
            if missing := [name for name, rows in zip(self.classes, there, strict=True) if not rows]:
                raise JobError(
                    f"the {part} has {len(examples)} rows and none of {', '.join(missing)}; it needs every class of "
                    f"{self.specification.label.name}: give more rows"
                )
        return found

    def fold_figures(self, target: Array, raw: Array) -> dict[str, float]:
        right = raw.argmax(axis=1) == target
        return {"accuracy": float(np.mean(right)), "log_loss": figures.log_loss(target, raw)}

    def answers(self, requests: pd.DataFrame, raw: Array, constants: Constants) -> Answers:
        return {"label": np.array(self.classes, dtype=object)[raw.argmax(axis=1)], "probabilities": raw}

    def checked(self, answers: Answers, requests: int) -> str:
        found = np.asarray(answers["probabilities"])
        if found.shape != (requests, len(self.classes)):
            return f"gives probabilities of the shape {found.shape} for {requests} rows of {len(self.classes)} classes"
        wrong = ~((found >= 0) & (found <= 1)).all(axis=1)
        if not wrong.any():
            return ""
        return f"gives no probabilities on {int(wrong.sum())} of {requests} rows, such as {found[wrong][0].tolist()}"

    def figures(self, examples: Examples, answers: Answers) -> dict[str, float]:
        return figures.multiclass(examples.labels, answers["probabilities"])

    def scorers(self, examples: Examples, answers: Answers) -> list[Scorer]:
        return [figures.scorer(examples.labels, answers["probabilities"])]

    def strata(self, examples: Examples) -> Array:
        return examples.labels

    def digest(self, examples: Examples) -> str:
        return tabular.digest(self.specification, examples, [self.classes[one].encode() for one in examples.labels])

    def summary(self, examples: Examples) -> dict[str, Any]:
        there = np.bincount(examples.labels, minlength=len(self.classes)).tolist()
        return {"rows": len(examples), "classes": dict(zip(self.classes, there, strict=True))}

    def golden(self, examples: Examples, answers: Answers) -> pd.DataFrame:
        return golden.requests(self.specification, examples.requests, np.asarray(answers["probabilities"])[:, 0])

    def graph(self, core: onnx.ModelProto, constants: Constants) -> onnx.ModelProto:
        return tabular.graph(self.specification, core, _answer(self.classes))


def _contract(classes: Sequence[str]) -> Contract:
    each = {**CONTRACT.answer["probabilities"], "minItems": len(classes), "maxItems": len(classes)}
    each["description"] = f"of {', '.join(classes)}, in this order"
    return replace(
        CONTRACT, answer={"label": {**CONTRACT.answer["label"], "enum": list(classes)}, "probabilities": each}
    )


def _answer(classes: Sequence[str]) -> onnx.ModelProto:
    """From probabilities (rows, classes) to the most probable class, and the probabilities themselves."""
    nodes = [
        helper.make_node("Identity", ["given"], ["probabilities"], name="probabilities"),
        helper.make_node("ArgMax", ["given"], ["first"], name="most_probable", axis=1, keepdims=0),
        helper.make_node("Gather", ["classes", "first"], ["label"], name="to_label", axis=0),
    ]
    graph = helper.make_graph(
        nodes,
        "answer",
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, ["rows", len(classes)])],
        [
            helper.make_tensor_value_info("label", TensorProto.STRING, ["rows"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(classes)]),
        ],
        [helper.make_tensor("classes", TensorProto.STRING, [len(classes)], [name.encode() for name in classes])],
    )
    return helper.make_model(graph, opset_imports=onnx_export.opsets(), ir_version=10)
