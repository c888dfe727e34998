"""A whole number within its range; 3.0 is 3, which JSON does not tell apart."""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec

from ml.jobkit.features import Feature
from ml.scoring.fields.number import array, between, bounds, described

__all__ = ["array", "decoded", "described", "example", "fault", "wanted"]


def decoded(feature: Feature, *, lenient: bool) -> Any:
    lowest, highest = bounds(feature)
    if lenient:
        return Annotated[float, msgspec.Meta(ge=lowest, le=highest, multiple_of=1)]
    return Annotated[int, msgspec.Meta(ge=math.ceil(lowest), le=math.floor(highest))]


def example(feature: Feature) -> int:
    return math.ceil(bounds(feature)[0])


def wanted(feature: Feature) -> str:
    return f"a whole number {between(feature)}"


def fault(text: str) -> str:
    """A number that is not whole is of the wrong type, whatever the decoder finds first."""
    if "multiple" not in text:
        return ""
    got = text.partition(", got ")[2]
    return "wrong_type" if not got or got == "`float`" else ""
