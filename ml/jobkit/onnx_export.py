"""One ONNX file that answers a request: preprocessing and model in one graph, checked against the framework.

Inputs: one per feature, named like the field of the request, shape (rows, 1): texts for categories, 32-bit floats for
numbers. Outputs: the members of a result, as the task's contract names them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper

from ml.jobkit import encoding
from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

    from ml.jobkit.features import Feature, Specification
    from ml.jobkit.tasks.contract import Contract

OPSET = 15
"""The newest that onnxmltools writes."""
ML_OPSET = 3
MATRIX = "features"


def preprocessing(specification: Specification) -> onnx.ModelProto:
    """The graph from named inputs to the encoded matrix `features`, shape (rows, encoded columns)."""
    nodes, parts = [], []
    for feature in specification.features:
        own, part = encoding.of(feature).nodes(feature)
        nodes += own
        parts.append(part)
    nodes.append(helper.make_node("Concat", parts, [MATRIX], name="join_features", axis=1))
    width = len(specification.encoded_columns)
    graph = helper.make_graph(
        nodes,
        "preprocessing",
        [input_of(feature) for feature in specification.features],
        [helper.make_tensor_value_info(MATRIX, TensorProto.FLOAT, ["rows", width])],
    )
    return helper.make_model(graph, opset_imports=opsets(), ir_version=10)


def merged(
    specification: Specification, before: onnx.ModelProto, core: onnx.ModelProto, after: onnx.ModelProto
) -> onnx.ModelProto:
    """The whole graph: `before` makes the matrix that `core` takes, and `after` makes the members of a result from
    the output of `core` that is named like its own input.
    """
    (taken,) = (one.name for one in after.graph.input)
    given = f"model_{core.graph.output[-1].name}"
    core = compose.add_prefix(core, "model_")
    whole = compose.merge_models(
        compose.merge_models(before, core, io_map=[(MATRIX, f"model_{MATRIX}")]),
        after,
        io_map=[(given, taken)],
        outputs=[one.name for one in after.graph.output],
    )
    return stamped(specification, whole)


def stamped(specification: Specification, whole: onnx.ModelProto) -> onnx.ModelProto:
    """A whole graph with the name of its system and the digest of its `features.yaml`, checked."""
    whole.graph.name = specification.system
    helper.set_model_props(whole, {"system": specification.system, "features_sha256": specification.digest})
    onnx.checker.check_model(whole, full_check=True)
    return whole


def usable(core: onnx.ModelProto) -> onnx.ModelProto:
    """A converter's graph with the operator sets and the format that all our graphs have."""
    del core.opset_import[:]
    core.opset_import.extend(opsets())
    core.ir_version = 10
    return core


def session(model: onnx.ModelProto | Path) -> Any:
    """An `onnxruntime.InferenceSession` with one thread; the runtime's telemetry is off."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def inputs(specification: Specification, frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """The graph's inputs for the rows of a frame."""
    return {one.name: encoding.of(one).tensor(one, frame[one.name]) for one in specification.features}


def answer(
    running: Any, specification: Specification, frame: pd.DataFrame, members: Sequence[str]
) -> dict[str, npt.NDArray[Any]]:
    """What a session says to the rows of a frame, by member of the result."""
    found = running.run(list(members), inputs(specification, frame))
    return dict(zip(members, map(np.asarray, found), strict=True))


def assert_parity(
    running: Any,
    specification: Specification,
    frame: pd.DataFrame,
    expected: Mapping[str, npt.NDArray[Any]],
    contract: Contract,
) -> float:
    """Compare graph and framework on every row. Returns the largest difference.

    Raises:
        JobError: a row differs by more than the contract allows; the message shows it.
    """
    found = answer(running, specification, frame, contract.golden)
    largest = 0.0
    for member in contract.golden:
        wanted = np.asarray(expected[member], dtype=np.float64).reshape(len(frame), -1)
        difference = np.abs(found[member].reshape(len(frame), -1).astype(np.float64) - wanted)
        excess = (difference - contract.relative * np.abs(wanted)).max(axis=1)
        worst = int(excess.argmax())
        if not excess[worst] <= contract.absolute:
            raise JobError(
                f"the ONNX graph and the framework differ by {difference[worst].max():.2g} in {member} (allowed "
                f"{contract.absolute:g}{f' and {contract.relative:g} of it' if contract.relative else ''}) on row "
                f"{frame.index[worst]}: {frame.iloc[worst].to_dict()}; the export does not do what the training did"
            )
        largest = max(largest, float(difference.max()))
    return largest


def input_of(feature: Feature) -> onnx.ValueInfoProto:
    """The graph's input for a feature."""
    kind = TensorProto.STRING if feature.is_text else TensorProto.FLOAT
    return helper.make_tensor_value_info(
        feature.name, kind, ["rows", feature.length or 1], doc_string=feature.description
    )


def opsets() -> list[onnx.OperatorSetIdProto]:
    """The operator sets of all our graphs."""
    return [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
