"""The table's own labels as the answer of an ONNX graph."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import TensorProto, helper

OPSETS = {"": 15, "ai.onnx.ml": 3}


def with_labels(graph: onnx.ModelProto, classes: Any) -> None:
    """FLAML numbers the labels; the graph answers with those of the table."""
    output = next(one for one in graph.graph.output if one.name == "label")
    for node in graph.graph.node:
        node.output[:] = ["label_number" if name == "label" else name for name in node.output]
        node.input[:] = ["label_number" if name == "label" else name for name in node.input]
    for one in graph.opset_import:  # the converter names the oldest that its own nodes need: 1 for a forest
        if one.domain == "ai.onnx.ml":
            one.version = max(one.version, OPSETS["ai.onnx.ml"])
    names = [str(one) for one in classes]
    labels = {"keys_int64s": list(range(len(names))), "values_strings": names}
    node = helper.make_node("LabelEncoder", ["label_number"], ["label"], domain="ai.onnx.ml", **labels)
    graph.graph.node.append(node)
    output.type.tensor_type.elem_type = TensorProto.STRING
