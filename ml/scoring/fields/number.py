"""A number within its range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from ml.jobkit.features import Feature

if TYPE_CHECKING:
    import numpy.typing as npt


def decoded(feature: Feature, *, lenient: bool) -> Any:
    lowest, highest = bounds(feature)
    return Annotated[float, msgspec.Meta(ge=lowest, le=highest)]


def described(feature: Feature) -> dict[str, Any]:
    lowest, highest = bounds(feature)
    unit = {"x-unit": feature.unit} if feature.unit else {}
    return {"type": feature.type, "minimum": lowest, "maximum": highest} | unit


def example(feature: Feature) -> float:
    lowest, highest = bounds(feature)
    return (lowest + highest) / 2


def wanted(feature: Feature) -> str:
    return f"a number {between(feature)}"


def fault(text: str) -> str:
    return ""


def array(feature: Feature, values: Sequence[Any]) -> npt.NDArray[Any]:
    return np.array([feature.number(value) for value in values], dtype=np.float32).reshape(-1, 1)


def bounds(feature: Feature) -> tuple[float, float]:
    """Lowest and highest value of a number; every number has them, which `features.load` checks."""
    if feature.range is None:
        raise ValueError(f"{feature.name} has no range")
    return feature.range


def between(feature: Feature) -> str:
    """The range in words."""
    lowest, highest = (format(bound, ".15g") for bound in bounds(feature))
    return f"from {lowest} to {highest}" + (f" ({feature.unit})" if feature.unit else "")
