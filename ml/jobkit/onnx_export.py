"""One ONNX file that answers a request: preprocessing and model in one graph, checked against the framework.

Inputs: one per feature, named like the field of the request, shape (rows, 1): texts for categories, 32-bit floats for
numbers. Outputs: `probability` (rows,) as 32-bit float and `label` (rows,), 1 where the probability is above 0.5.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper

from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

    from ml.jobkit.features import Feature, Specification

OPSET = 15
"""The newest that onnxmltools writes."""
ML_OPSET = 3
TOLERANCE = 1e-5
"""Largest difference allowed between the graph's probability and the framework's."""
MATRIX = "features"
THRESHOLDS = re.compile(r"^threshold=(.*)$", re.MULTILINE)
TREE_SIZES = re.compile(r"^tree_sizes=.*\n", re.MULTILINE)


def preprocessing(specification: Specification) -> onnx.ModelProto:
    """The graph from named inputs to the encoded matrix `features`, shape (rows, encoded columns).

    A category that is not listed is zero in all of its columns (attribute `zeros` of ai.onnx.ml OneHotEncoder).
    """
    nodes = [node for feature in specification.features for node in _encoding(feature)]
    parts = [_part(feature) for feature in specification.features]
    nodes.append(helper.make_node("Concat", parts, [MATRIX], name="join_features", axis=1))
    width = len(specification.encoded_columns)
    graph = helper.make_graph(
        nodes,
        "preprocessing",
        [_input(feature) for feature in specification.features],
        [helper.make_tensor_value_info(MATRIX, TensorProto.FLOAT, ["rows", width])],
    )
    return helper.make_model(graph, opset_imports=_opsets(), ir_version=10)


def with_float_thresholds(booster: Any) -> Any:
    """The same LightGBM model with thresholds that 32-bit floats hold, as ONNX stores them.

    Each threshold is rounded down: for a 32-bit x and a 64-bit t, x <= t holds exactly when x <= floor32(t). So no row,
    seen or unseen, takes another branch in ONNX than in LightGBM. Rounding to nearest would not keep that.
    """
    import lightgbm

    # The sizes are byte offsets that the new thresholds make wrong; without them LightGBM reads tree after tree.
    text = THRESHOLDS.sub(_rounded_down, TREE_SIZES.sub("", booster.model_to_string()))
    return lightgbm.Booster(model_str=text)


def lightgbm_classifier(booster: Any, specification: Specification) -> onnx.ModelProto:
    """The whole graph of a binary LightGBM model; give it a booster from `with_float_thresholds`."""
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    width = len(specification.encoded_columns)
    trees = convert_lightgbm(
        booster,
        initial_types=[(MATRIX, FloatTensorType([None, width]))],
        name="trees",
        zipmap=False,
        target_opset=OPSET,
    )
    del trees.opset_import[:]
    trees.opset_import.extend(_opsets())
    trees.ir_version = 10
    names = [output.name for output in trees.graph.output]
    return merged(specification, trees, probabilities=names[1])


def merged(specification: Specification, model: onnx.ModelProto, probabilities: str) -> onnx.ModelProto:
    """Preprocessing, then `model`, whose input is the matrix and whose output `probabilities` has shape (rows, 2)."""
    model = compose.add_prefix(model, "model_")
    whole = compose.merge_models(
        compose.merge_models(preprocessing(specification), model, io_map=[(MATRIX, f"model_{MATRIX}")]),
        _answer(),
        io_map=[(f"model_{probabilities}", "probabilities")],
        outputs=["probability", "label"],
    )
    whole.graph.name = specification.system
    helper.set_model_props(whole, {"system": specification.system, "features_sha256": specification.digest})
    onnx.checker.check_model(whole, full_check=True)
    return whole


def session(model: onnx.ModelProto | Path) -> Any:
    """An `onnxruntime.InferenceSession` with one thread; the runtime's telemetry is off."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def requests(specification: Specification, frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """The graph's inputs for the rows of a frame."""
    return {
        feature.name: frame[feature.name]
        .to_numpy(dtype=object if feature.type == "category" else np.float32)
        .reshape(-1, 1)
        for feature in specification.features
    }


def answer(running: Any, specification: Specification, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Probabilities of a session for the rows of a frame."""
    return np.asarray(running.run(["probability"], requests(specification, frame))[0], dtype=np.float32)


def assert_parity(
    running: Any, specification: Specification, frame: pd.DataFrame, expected: npt.NDArray[np.float64]
) -> float:
    """Compare graph and framework on every row. Returns the largest difference.

    Raises:
        JobError: a row differs by more than `TOLERANCE`; the message shows it.
    """
    difference = np.abs(answer(running, specification, frame).astype(np.float64) - expected)
    worst = int(difference.argmax())
    if not difference[worst] <= TOLERANCE:
        raise JobError(
            f"the ONNX graph and the framework differ by {difference[worst]:.2g} (allowed {TOLERANCE:g}) on row "
            f"{frame.index[worst]}: {frame.iloc[worst].to_dict()}; the export does not do what the training did"
        )
    return float(difference[worst])


def _encoding(feature: Feature) -> list[onnx.NodeProto]:
    if feature.type != "category":
        return []
    encoder = helper.make_node(
        "OneHotEncoder",
        [feature.name],
        [f"{feature.name}_encoded"],
        name=f"encode_{feature.name}",
        domain="ai.onnx.ml",
        cats_strings=list(feature.categories),
        zeros=1,
    )
    flatten = helper.make_node(
        "Flatten", [f"{feature.name}_encoded"], [_part(feature)], name=f"flatten_{feature.name}", axis=1
    )
    return [encoder, flatten]


def _part(feature: Feature) -> str:
    return f"{feature.name}_columns" if feature.type == "category" else feature.name


def _input(feature: Feature) -> onnx.ValueInfoProto:
    kind = TensorProto.STRING if feature.type == "category" else TensorProto.FLOAT
    return helper.make_tensor_value_info(feature.name, kind, ["rows", 1], doc_string=feature.description)


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
    return helper.make_model(graph, opset_imports=_opsets(), ir_version=10)


def _opsets() -> list[onnx.OperatorSetIdProto]:
    return [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]


def _rounded_down(line: re.Match[str]) -> str:
    exact = np.array(line[1].split(), dtype=np.float64)
    nearest = exact.astype(np.float32)
    below = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    return "threshold=" + " ".join(repr(float(value)) for value in below)
