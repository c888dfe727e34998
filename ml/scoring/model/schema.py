"""The types that requests are decoded into, made from `features.yaml`."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec

from ml.jobkit.features import Feature, Specification

LONGEST_TEXT = 100
"""Characters of an unknown category that is accepted: it is kept in memory until its row is scored."""


def decoder(specification: Specification, maximum_rows: int, *, lenient: bool) -> msgspec.json.Decoder[Any]:
    """A decoder of `{"data": [row, ...]}`, each row an object or an array of the features' values; `"warnings": true`
    beside it asks for a list of unknown categories.

    The strict one takes known categories only and whole numbers without a decimal point: it is the quicker one, and
    right for nearly every request. The lenient one takes all that may be answered: unknown categories of features
    with the rule `zeros`, and 3.0 for 3, which JSON does not tell apart.
    """
    types = [_type(feature, lenient=lenient) for feature in specification.features]
    named = msgspec.defstruct(
        "Row",
        [
            (f"field_{index}", kind, msgspec.field(name=feature.name))
            for index, (feature, kind) in enumerate(zip(specification.features, types, strict=True))
        ],
        forbid_unknown_fields=True,
        gc=False,
    )
    row: Any = named | tuple[tuple(types)]  # type: ignore[misc]
    data = Annotated[list[row], msgspec.Meta(min_length=1, max_length=maximum_rows)]
    body = msgspec.defstruct("Body", [("data", data), ("warnings", bool, False)], forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(body)


def _type(feature: Feature, *, lenient: bool) -> Any:
    if feature.type == "category":
        if lenient and feature.unknown == "zeros":
            return Annotated[str, msgspec.Meta(max_length=longest_text(feature))]
        return Literal[feature.categories]
    lowest, highest = bounds(feature)
    if feature.type == "number":
        return Annotated[float, msgspec.Meta(ge=lowest, le=highest)]
    if lenient:
        return Annotated[float, msgspec.Meta(ge=lowest, le=highest, multiple_of=1)]
    return Annotated[int, msgspec.Meta(ge=math.ceil(lowest), le=math.floor(highest))]


def longest_text(feature: Feature) -> int:
    """Characters that a category may have, known or not."""
    return max(LONGEST_TEXT, *map(len, feature.categories))


def bounds(feature: Feature) -> tuple[float, float]:
    """Lowest and highest value of a number; every number has them, which `features.load` checks."""
    if feature.range is None:
        raise ValueError(f"{feature.name} has no range")
    return feature.range


def example(specification: Specification) -> dict[str, Any]:
    """A body with one row that is always answered."""
    row = {
        feature.name: feature.categories[0] if feature.type == "category" else _number(feature)
        for feature in specification.features
    }
    return {"data": [row]}


def _number(feature: Feature) -> float | int:
    lowest, highest = bounds(feature)
    return math.ceil(lowest) if feature.type == "integer" else (lowest + highest) / 2
