"""The training frame: raw columns checked against `features.yaml`, and the numbers a model is trained on.

The frame has one column per feature, named like the field of a request and holding the same values a caller sends, so
that training and serving cannot differ. `encode` is what the ONNX graph does with a request.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.features import Feature, Specification


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
    columns = {feature.name: _values(feature, raw[feature.column], specification) for feature in specification.features}
    if strict:
        for feature in specification.features:
            _check(feature, raw[feature.column], columns[feature.name])
    return pd.DataFrame(columns, index=raw.index)


def encode(specification: Specification, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
    """The matrix a model sees: shape (rows, encoded columns), numbers as they are, one 0/1 column per category.

    A category that `features.yaml` does not list is zero in all of its columns.
    """
    columns = [
        (frame[name] == category) if category is not None else frame[name]
        for name, category in specification.encoded_columns
    ]
    return np.column_stack([np.asarray(column, dtype=np.float32) for column in columns])


def whole_years(birth_dates: pd.Series, as_of: datetime.date) -> pd.Series:
    """Completed years of life on the day `as_of`, counted by the calendar (no division by 365)."""
    birthday_to_come = (birth_dates.dt.month * 100 + birth_dates.dt.day) > (as_of.month * 100 + as_of.day)
    return as_of.year - birth_dates.dt.year - birthday_to_come.astype("int64")


def _values(feature: Feature, column: pd.Series, specification: Specification) -> pd.Series:
    if feature.type == "category":
        return column.astype(object)
    numbers = whole_years(_dates(column), specification.as_of) if feature.derive == "whole_years" else _numbers(column)
    whole = feature.type == "integer" and not (numbers % 1).any()
    return numbers.astype("int64" if whole else "float64")


def _check(feature: Feature, column: pd.Series, values: pd.Series) -> None:
    if feature.type == "category":
        _check_categories(feature, column)
    else:
        _check_numbers(feature, column, values)


def _check_categories(feature: Feature, column: pd.Series) -> None:
    unmapped = ~column.isin(feature.categories)
    if unmapped.any():
        raise JobError(
            f"column {column.name}: {_shown(column[unmapped])} in features.yaml; "
            f"add it to the categories of {feature.name}, or correct the data"
        )


def _numbers(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.isna().any():
        raise JobError(f"column {column.name}: {_shown(column[numbers.isna()])} a number; correct the data")
    return numbers


def _dates(column: pd.Series) -> pd.Series:
    dates = pd.to_datetime(column, format="%Y-%m-%d", errors="coerce")
    if dates.isna().any():
        raise JobError(f"column {column.name}: {_shown(column[dates.isna()])} a date (YYYY-MM-DD); correct the data")
    return dates


def _check_numbers(feature: Feature, column: pd.Series, numbers: pd.Series) -> None:
    lowest, highest = feature.range or (-np.inf, np.inf)
    outside = ~numbers.between(lowest, highest)
    if outside.any():
        raise JobError(
            f"column {column.name}: {_shown(column[outside])} within {_bounds(feature)} "
            f"for {feature.name}; correct the data, or widen the range in features.yaml"
        )
    fractional = numbers % 1 != 0
    if feature.type == "integer" and fractional.any():
        raise JobError(f"column {column.name}: {_shown(column[fractional])} whole for {feature.name}; correct the data")


def _bounds(feature: Feature) -> str:
    lowest, highest = feature.range or (-np.inf, np.inf)
    return f"[{lowest:g}, {highest:g}] {feature.unit}".strip()


def _shown(wrong: pd.Series) -> str:
    """The wrong values for an error message: the most frequent first, at most three."""
    counts: Any = wrong.value_counts(dropna=False)
    values = ", ".join(repr(value) for value in counts.index[:3])
    more = f" and {len(counts) - 3} other values" if len(counts) > 3 else ""
    return f"{values}{more} ({len(wrong)} rows) {'is' if len(counts) == 1 else 'are'} not"
