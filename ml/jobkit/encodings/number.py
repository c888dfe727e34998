"""A number: one column, as it is."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.jobkit.errors import JobError
from ml.jobkit.frame import shown

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from ml.jobkit.features import Feature, Specification


def values(feature: Feature, column: pd.Series, specification: Specification) -> pd.Series:
    derived = feature.derive == "whole_years"
    found = whole_years(dates(column), specification.day) if derived else numbers(column)
    whole = feature.type == "integer" and not (found % 1).any()
    return found.astype("int64" if whole else "float64")


def check(feature: Feature, column: pd.Series, values: pd.Series) -> None:
    lowest, highest = feature.range or (-np.inf, np.inf)
    outside = ~values.between(lowest, highest)
    if outside.any():
        bounds = f"[{lowest:g}, {highest:g}] {feature.unit}".strip()
        raise JobError(
            f"column {column.name}: {shown(column[outside])} within {bounds} "
            f"for {feature.name}; correct the data, or widen the range in features.yaml"
        )
    fractional = values % 1 != 0
    if feature.type == "integer" and fractional.any():
        raise JobError(f"column {column.name}: {shown(column[fractional])} whole for {feature.name}; correct the data")


def matrix(feature: Feature, values: pd.Series) -> list[pd.Series]:
    return [values]


def tensor(feature: Feature, values: pd.Series) -> npt.NDArray[np.float32]:
    return np.asarray(values.to_numpy(dtype=np.float32)).reshape(-1, 1)


def nodes(feature: Feature) -> tuple[list[onnx.NodeProto], str]:
    return [], feature.name


def whole_years(birth_dates: pd.Series, as_of: datetime.date) -> pd.Series:
    """Completed years of life on the day `as_of`, counted by the calendar (no division by 365)."""
    birthday_to_come = (birth_dates.dt.month * 100 + birth_dates.dt.day) > (as_of.month * 100 + as_of.day)
    return as_of.year - birth_dates.dt.year - birthday_to_come.astype("int64")


def numbers(column: pd.Series) -> pd.Series:
    """Texts as numbers."""
    found = pd.to_numeric(column, errors="coerce")
    if found.isna().any():
        raise JobError(f"column {column.name}: {shown(column[found.isna()])} a number; correct the data")
    return found


def dates(column: pd.Series) -> pd.Series:
    """Texts as days."""
    found = pd.to_datetime(column, format="%Y-%m-%d", errors="coerce")
    if found.isna().any():
        raise JobError(f"column {column.name}: {shown(column[found.isna()])} a date (YYYY-MM-DD); correct the data")
    return found
