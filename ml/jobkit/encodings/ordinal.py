"""An ordinal: one column with the place in the list of `features.yaml`, from 0; another text is -1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import helper

from ml.jobkit.encodings.category import check, tensor, values

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from ml.jobkit.features import Feature

__all__ = ["check", "matrix", "nodes", "tensor", "values"]
UNKNOWN = -1.0


def matrix(feature: Feature, values: pd.Series) -> list[pd.Series]:
    places = {category: float(place) for place, category in enumerate(feature.categories)}
    return [values.map(places).astype("float64").fillna(UNKNOWN)]


def nodes(feature: Feature) -> tuple[list[onnx.NodeProto], str]:
    part = f"{feature.name}_place"
    node = helper.make_node(
        "LabelEncoder",
        [feature.name],
        [part],
        name=f"encode_{feature.name}",
        domain="ai.onnx.ml",
        keys_strings=list(feature.categories),
        values_floats=[float(place) for place in range(len(feature.categories))],
        default_float=UNKNOWN,
    )
    return [node], part
