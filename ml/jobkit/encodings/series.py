"""A series: a list of numbers in each row. A task derives from it what it needs; by itself it is no column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.jobkit.encodings.number import check, values

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx
    import pandas as pd

    from ml.jobkit.features import Feature

__all__ = ["check", "matrix", "nodes", "tensor", "values"]


def matrix(feature: Feature, values: pd.Series) -> list[pd.Series]:
    return []


def tensor(feature: Feature, values: pd.Series) -> npt.NDArray[np.float32]:
    return np.array(values.to_list(), dtype=np.float32).reshape(len(values), feature.length)


def nodes(feature: Feature) -> tuple[list[onnx.NodeProto], str]:
    return [], feature.name
