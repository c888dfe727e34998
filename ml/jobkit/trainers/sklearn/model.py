"""A linear model: what it says of a matrix, and the graph that says the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from ml.jobkit import onnx_export

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from ml.jobkit.tasks.base import Objective

    Array = npt.NDArray[Any]
    Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """Weights of standardised columns. All of it is computed in 64 bits, in the graph too: both agree to the last digit
    that an answer of 32 bits has.
    """

    objective: Objective
    shape: str
    mean: Numbers
    deviation: Numbers
    weights: Numbers
    """Shape (columns, outputs): one output, or one a class."""
    intercept: Numbers

    def columns(self, matrix: Array) -> Numbers:
        """The standardised columns of a matrix."""
        return np.asarray((shaped(matrix, self.shape) - self.mean) / self.deviation)

    def predict(self, matrix: Array) -> Numbers:
        """As `Trainer.predict`."""
        outputs = self.columns(matrix) @ self.weights + self.intercept
        if self.objective == "regression":
            return np.asarray(outputs[:, 0])
        if self.objective == "binary":
            return np.asarray(1 / (1 + np.exp(-outputs[:, 0])))
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def graph(self) -> onnx.ModelProto:
        """As `Trainer.core`."""
        nodes = [helper.make_node("Cast", [onnx_export.MATRIX], ["wide"], name="to_64_bits", to=TensorProto.DOUBLE)]
        nodes += _shaped("wide", "shaped") if self.shape == "log" else [_node("Identity", ["wide"], "shaped")]
        nodes += [
            _node("Sub", ["shaped", "mean"], "centred"),
            _node("Div", ["centred", "deviation"], "standardised"),
            _node("Gemm", ["standardised", "weights", "intercept"], "outputs"),
            *_answer(self.objective),
            helper.make_node("Cast", ["answers"], ["raw"], name="to_32_bits", to=TensorProto.FLOAT),
        ]
        held = {
            "mean": self.mean,
            "deviation": self.deviation,
            "weights": self.weights,
            "intercept": self.intercept,
            "one": np.ones(1),
        }
        answers = 2 if self.objective == "binary" else self.weights.shape[1]
        graph = helper.make_graph(
            nodes,
            "linear",
            [helper.make_tensor_value_info(onnx_export.MATRIX, TensorProto.FLOAT, ["rows", len(self.mean)])],
            [helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["rows", answers])],
            [helper.make_tensor(name, TensorProto.DOUBLE, value.shape, value.ravel()) for name, value in held.items()],
        )
        return helper.make_model(graph, opset_imports=onnx_export.opsets(), ir_version=10)


def shaped(matrix: Array, shape: str) -> Numbers:
    """The columns before they are standardised."""
    wide = np.asarray(matrix, dtype=np.float64)
    return np.sign(wide) * np.log(1 + np.abs(wide)) if shape == "log" else wide


def _shaped(taken: str, given: str) -> list[onnx.NodeProto]:
    return [
        _node("Sign", [taken], "sign"),
        _node("Abs", [taken], "size"),
        _node("Add", ["size", "one"], "size_and_one"),
        _node("Log", ["size_and_one"], "logarithm"),
        _node("Mul", ["sign", "logarithm"], given),
    ]


def _answer(objective: Objective) -> list[onnx.NodeProto]:
    if objective == "regression":
        return [_node("Identity", ["outputs"], "answers")]
    if objective == "multiclass":
        return [helper.make_node("Softmax", ["outputs"], ["answers"], name="answers", axis=1)]
    return [
        _node("Sigmoid", ["outputs"], "yes"),
        _node("Sub", ["one", "yes"], "no"),
        helper.make_node("Concat", ["no", "yes"], ["answers"], name="answers", axis=1),
    ]


def _node(kind: str, taken: list[str], given: str) -> onnx.NodeProto:
    return helper.make_node(kind, taken, [given], name=given)
