"""A point in local time: a text in ISO 8601 without an offset."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from ml.jobkit.features import Feature
from ml.jobkit.kinds.datetime import EPOCH

if TYPE_CHECKING:
    import numpy.typing as npt

EXAMPLE = datetime.datetime(2017, 1, 31, 6)


def decoded(feature: Feature, *, lenient: bool) -> Any:
    return Annotated[datetime.datetime, msgspec.Meta(tz=False)]


def described(feature: Feature) -> dict[str, Any]:
    return {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$", "examples": [example(feature)]}


def example(feature: Feature) -> str:
    first, last = (
        EPOCH + datetime.timedelta(hours=hours) for hours in feature.range or (0.0, np.inf) if hours < np.inf
    )
    return min(max(EXAMPLE, first), last).isoformat()


def wanted(feature: Feature) -> str:
    days = "" if feature.range is None else " from {} to {}".format(*map(_day, feature.range))
    return f"a local time{days}, as {example(feature)}, without an offset"


def fault(text: str) -> str:
    return "wrong_type" if text.startswith(("Invalid RFC3339", "Expected `datetime`")) else ""


def problem(feature: Feature, value: datetime.datetime) -> str:
    if feature.range is None or feature.range[0] <= _hours(value) <= feature.range[1]:
        return ""
    return "out_of_range"


def array(feature: Feature, values: Sequence[datetime.datetime]) -> npt.NDArray[Any]:
    return np.array([_hours(value) for value in values], dtype=np.float32).reshape(-1, 1)


def _hours(value: datetime.datetime) -> float:
    return (value - EPOCH).total_seconds() / 3600


def _day(hours: float) -> str:
    return (EPOCH + datetime.timedelta(hours=hours)).date().isoformat()
