"""Model folders for tests: small graphs with the inputs and outputs of a real one, made in milliseconds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
from onnx import TensorProto, helper

from ml.jobkit import features, frame, golden, onnx_export
from ml.jobkit.tasks.binary.contract import CONTRACT
from ml.jobkit.tasks.binary.task import Task
from ml.systems.bike_buyer import generator, prepare

OLD_AGE = 119.0
SPECIFICATION = Path("ml/systems/bike_buyer/features.yaml")


def people(folder: Path, rows: int = 200) -> pd.DataFrame:
    """Generated people, as the bike-buyer model sees them."""
    generator.generate(rows, 5, folder)
    return prepare.prepare(features.load(SPECIFICATION), folder).features


def weights(specification: features.Specification) -> npt.NDArray[np.float64]:
    """Weights of a logistic model, so that probabilities spread over the range."""
    highest = [
        1.0 if category else (specification.feature(name).range or (0, 1))[1]
        for name, category in specification.encoded_columns
    ]
    found: npt.NDArray[np.float64] = np.random.default_rng(11).normal(0, 2, len(highest)) / np.array(highest)
    return found


def answers(specification: features.Specification, asked: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The logistic model in numpy: what the graph must answer."""
    matrix = frame.encode(specification, asked).astype(np.float64)
    return np.asarray(1 / (1 + np.exp(-(matrix @ weights(specification)))), dtype=np.float64)


def logistic(specification: features.Specification, turns: int = 0, old_age_turns: int = 0) -> onnx.ModelProto:
    """From the encoded matrix to probabilities, shape (rows, 2).

    `turns` makes it slow: so many turns of a loop that works and changes nothing, about a millisecond each.
    `old_age_turns` more come when a row has an age above `OLD_AGE`.
    """
    width = len(specification.encoded_columns)
    column = weights(specification).astype(np.float32).reshape(-1, 1)
    constants = [helper.make_tensor("weights", TensorProto.FLOAT, column.shape, column.ravel())]
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["quick"]),
    ]
    if turns or old_age_turns:
        age = [name for name, _ in specification.encoded_columns].index("Age")
        constants += [
            helper.make_tensor("always", TensorProto.INT64, [], [turns]),
            helper.make_tensor("more", TensorProto.INT64, [], [old_age_turns]),
            helper.make_tensor("age", TensorProto.INT64, [], [age]),
            helper.make_tensor("old", TensorProto.FLOAT, [], [OLD_AGE]),
            helper.make_tensor("go", TensorProto.BOOL, [], [True]),
        ]
        nodes += [
            helper.make_node("Gather", ["features", "age"], ["ages"], axis=1),
            helper.make_node("ReduceMax", ["ages"], ["oldest"], keepdims=0),
            helper.make_node("Greater", ["oldest", "old"], ["is_old"]),
            helper.make_node("Cast", ["is_old"], ["count"], to=TensorProto.INT64),
            helper.make_node("Mul", ["count", "more"], ["added"]),
            helper.make_node("Add", ["always", "added"], ["turns"]),
        ]
        nodes.append(helper.make_node("Loop", ["turns", "go", "quick"], ["yes"], body=_turn()))
    else:
        nodes.append(helper.make_node("Identity", ["quick"], ["yes"]))
    constants.append(helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]))
    nodes += [
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["both"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "logistic",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info("both", TensorProto.FLOAT, ["rows", 2])],
        initializer=constants,
    )
    opsets = [helper.make_opsetid("", onnx_export.OPSET), helper.make_opsetid("ai.onnx.ml", onnx_export.ML_OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _turn() -> onnx.GraphProto:
    """One turn: works, and gives back what it was given."""
    kind = TensorProto.FLOAT
    return helper.make_graph(
        [
            helper.make_node("Identity", ["go_in"], ["go_out"]),
            helper.make_node("RandomNormal", [], ["noise"], shape=[100_000]),
            helper.make_node("ReduceSum", ["noise"], ["sum"], keepdims=0),
            helper.make_node("Sub", ["sum", "sum"], ["zero"]),
            helper.make_node("Add", ["value_in", "zero"], ["value_out"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value_in", kind, ["rows", 1]),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value_out", kind, ["rows", 1]),
        ],
    )


def write_model(
    folder: Path, asked: pd.DataFrame, specification_text: str | None = None, turns: int = 0, old_age_turns: int = 0
) -> Path:
    """A whole model folder; `asked` are the people of its golden requests."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("features.yaml").write_text(specification_text or SPECIFICATION.read_text())
    specification = features.load(folder / "features.yaml")
    graph = Task(specification).graph(logistic(specification, turns, old_age_turns), {})
    content = graph.SerializeToString()
    folder.joinpath("model.onnx").write_bytes(content)
    known = answers(specification, asked)
    chosen = golden.requests(specification, asked, known, 10)
    golden.write(folder / "golden.json", CONTRACT, chosen, {"probability": answers(specification, chosen)})
    CONTRACT.write(folder)
    write_identity(folder, hashlib.sha256(content).hexdigest())
    return folder


def write_identity(folder: Path, sha256: str, **others: Any) -> None:
    identity = {"name": "bike-buyer", "version": 3, "system": "bike_buyer", "sha256": sha256}
    identity |= {"data": "sha256-of-data", "job": "bike-buyer-abc-1", "commit": "0123abc", **others}
    folder.joinpath("model.json").write_text(json.dumps(identity))
