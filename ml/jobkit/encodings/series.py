"""A series: a list of numbers in each row. A task derives from it what it needs; by itself it is no column.

In raw data each row has one number of it, and an empty text where it is missing, if the series may have gaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.jobkit.encodings import number

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from ml.jobkit.features import Specification
    from ml.jobkit.kinds.series import Series


def values(feature: Series, column: pd.Series, specification: Specification) -> pd.Series:
    gaps = (column == "") & bool(feature.missing)
    return number.numbers(column[~gaps]).astype("float64").reindex(column.index)


def check(feature: Series, column: pd.Series, values: pd.Series) -> None:
    known = values.notna()
    number.check(feature, column[known], values[known])


def matrix(feature: Series, values: pd.Series) -> list[pd.Series]:
    return []


def tensor(feature: Series, values: pd.Series) -> npt.NDArray[np.float32]:
    """A null is not a number."""
    return np.array(values.to_list(), dtype=np.float32).reshape(len(values), feature.length)


def nodes(feature: Series) -> tuple[list[onnx.NodeProto], str]:
    return [], feature.name
