"""A category: one column of 0 and 1 for each that `features.yaml` lists; another one is zero in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from ml.jobkit.errors import JobError
from ml.jobkit.frame import shown

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx
    import pandas as pd

    from ml.jobkit.features import Feature, Specification


def values(feature: Feature, column: pd.Series, specification: Specification) -> pd.Series:
    return column.astype(object)


def check(feature: Feature, column: pd.Series, values: pd.Series) -> None:
    unmapped = ~column.isin(feature.categories)
    if unmapped.any():
        raise JobError(
            f"column {column.name}: {shown(column[unmapped])} in features.yaml; "
            f"add it to the categories of {feature.name}, or correct the data"
        )


def matrix(feature: Feature, values: pd.Series) -> list[pd.Series]:
    return [values == category for category in feature.categories]


def tensor(feature: Feature, values: pd.Series) -> npt.NDArray[Any]:
    return np.asarray(values.to_numpy(dtype=object)).reshape(-1, 1)


def nodes(feature: Feature) -> tuple[list[onnx.NodeProto], str]:
    """Attribute `zeros` of ai.onnx.ml OneHotEncoder: a text that is not listed is zero everywhere."""
    encoder = helper.make_node(
        "OneHotEncoder",
        [feature.name],
        [f"{feature.name}_encoded"],
        name=f"encode_{feature.name}",
        domain="ai.onnx.ml",
        cats_strings=list(feature.categories),
        zeros=1,
    )
    part = f"{feature.name}_columns"
    flatten = helper.make_node("Flatten", [f"{feature.name}_encoded"], [part], name=f"flatten_{feature.name}", axis=1)
    return [encoder, flatten], part
