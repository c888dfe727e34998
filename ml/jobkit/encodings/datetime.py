"""A point in time: the parts that `features.yaml` names, each a column, derived inside the graph from the hours since
1970 that the server makes of a request's text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from onnx import TensorProto, helper

from ml.jobkit.errors import JobError
from ml.jobkit.frame import shown

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from ml.jobkit.features import Feature, Specification

EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; weekdays are counted from Monday, 0."""
FORMAT = "%Y-%m-%dT%H:%M:%S"


def values(feature: Feature, column: pd.Series, specification: Specification) -> pd.Series:
    """Texts in the one form a request has, whether the file has a blank or a T in the middle."""
    found = pd.to_datetime(column, format="ISO8601", errors="coerce")
    if found.isna().any():
        wrong = shown(column[found.isna()])
        raise JobError(f"column {column.name}: {wrong} a point in time (YYYY-MM-DD HH:MM:SS); correct the data")
    return found.dt.strftime(FORMAT).astype(object)


def check(feature: Feature, column: pd.Series, values: pd.Series) -> None:
    if feature.range is None:
        return
    hours = tensor(feature, values).reshape(-1)
    outside = (hours < feature.range[0]) | (hours > feature.range[1])
    if outside.any():
        first, last = (pd.Timestamp(hour * 3600, unit="s").date() for hour in feature.range)
        raise JobError(
            f"column {column.name}: {shown(column[outside])} within {first} and {last} for {feature.name}; correct the "
            "data, or widen the range in features.yaml"
        )


def matrix(feature: Feature, values: pd.Series) -> list[npt.NDArray[np.float32]]:
    since = tensor(feature, values).reshape(-1)
    days = np.floor(since / 24).astype(np.int64)
    parts = {
        "hour": np.floor(since - 24 * np.floor(since / 24)),
        "weekday": (days + EPOCH_WEEKDAY) % 7,
        "month": (days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)) % 12 + 1,
    }
    return [np.asarray(parts[str(part)], dtype=np.float32) for part in feature.columns]


def tensor(feature: Feature, values: pd.Series) -> npt.NDArray[np.float32]:
    return np.array([feature.number(text) for text in values], dtype=np.float32).reshape(-1, 1)


def nodes(feature: Feature) -> tuple[list[onnx.NodeProto], str]:
    """Whole-number arithmetic; the month by the calendar of Howard Hinnant's `civil_from_days`, where a year begins in
    March, so that the lengths of months follow one formula.
    """
    made: list[onnx.NodeProto] = []

    def constant(value: int) -> str:
        name = f"{feature.name}_{value}"
        tensor = helper.make_tensor(name, TensorProto.INT64, [], [value])
        if not any(name in node.output for node in made):
            made.append(helper.make_node("Constant", [], [name], value=tensor))
        return name

    def node(operator: str, one: str, other: str | int) -> str:
        second = constant(other) if isinstance(other, int) else other
        name = f"{feature.name}_{operator.lower()}_{len(made)}"
        made.append(helper.make_node(operator, [one, second], [name]))
        return name

    made.append(helper.make_node("Floor", [feature.name], [f"{feature.name}_floor"]))
    whole = f"{feature.name}_hours"
    made.append(helper.make_node("Cast", [f"{feature.name}_floor"], [whole], to=TensorProto.INT64))
    days = node("Div", whole, 24)
    found: dict[str, str] = {}
    if "hour" in feature.columns:
        found["hour"] = node("Mod", whole, 24)
    if "weekday" in feature.columns:
        found["weekday"] = node("Mod", node("Add", days, EPOCH_WEEKDAY), 7)
    if "month" in feature.columns:
        shifted = node("Add", days, 719468)
        era_day = node("Mod", shifted, 146097)
        less = node(
            "Sub",
            node("Add", node("Sub", era_day, node("Div", era_day, 1460)), node("Div", era_day, 36524)),
            node("Div", era_day, 146096),
        )
        year = node("Div", less, 365)
        of_year = node(
            "Add",
            node("Sub", node("Sub", era_day, node("Mul", year, 365)), node("Div", year, 4)),
            node("Div", year, 100),
        )
        march = node("Div", node("Add", node("Mul", of_year, 5), 2), 153)
        found["month"] = node("Add", node("Mod", node("Add", march, 2), 12), 1)
    joined = f"{feature.name}_parts"
    made.append(helper.make_node("Concat", [found[str(part)] for part in feature.columns], [f"{joined}_whole"], axis=1))
    made.append(helper.make_node("Cast", [f"{joined}_whole"], [joined], to=TensorProto.FLOAT))
    return made, joined
