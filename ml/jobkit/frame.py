"""The training frame: raw columns checked against `features.yaml`, and the numbers a model is trained on.

The frame has one column per feature, named like the field of a request and holding the same values a caller sends, so
that training and serving cannot differ. `encode` is what the ONNX graph does with a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.jobkit import encoding
from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.features import Specification


def build(specification: Specification, raw: pd.DataFrame, *, strict: bool = True) -> pd.DataFrame:
    """Feature columns from `raw`, whose values are texts as read from a file. Index and row order are kept.

    Args:
        strict: refuse a value that is unmapped or out of range. Else it stays as it is, for a model of an earlier
            `features.yaml`, which may know less than the data: its graph has an answer to every value.

    Raises:
        JobError: a column is missing, or a value is unmapped, not a number or out of range. Training data is never
            repaired silently: the message names column, value, rows and the fix.
    """
    missing = sorted({feature.column for feature in specification.features} - set(raw.columns))
    if missing:
        raise JobError(f"the data lacks the column {', '.join(missing)}; it has {', '.join(map(str, raw.columns))}")
    columns = {
        feature.name: encoding.of(feature).values(feature, raw[feature.column], specification)
        for feature in specification.features
    }
    if strict:
        for feature in specification.features:
            encoding.of(feature).check(feature, raw[feature.column], columns[feature.name])
    return pd.DataFrame(columns, index=raw.index)


def encode(specification: Specification, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
    """The matrix a model sees: shape (rows, encoded columns), in the order of `features.yaml`."""
    columns = [
        column
        for feature in specification.features
        for column in encoding.of(feature).matrix(feature, frame[feature.name])
    ]
    return np.column_stack([np.asarray(column, dtype=np.float32) for column in columns])


def shown(wrong: pd.Series) -> str:
    """The wrong values for an error message: the most frequent first, at most three."""
    counts: Any = wrong.value_counts(dropna=False)
    values = ", ".join(repr(value) for value in counts.index[:3])
    more = f" and {len(counts) - 3} other values" if len(counts) > 3 else ""
    return f"{values}{more} ({len(wrong)} rows) {'is' if len(counts) == 1 else 'are'} not"
