"""So many numbers in a row, within a range; a few may be null where the feature says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from ml.scoring.fields.number import between, bounds

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.kinds.series import Series


def decoded(feature: Series, *, lenient: bool) -> Any:
    lowest, highest = bounds(feature)
    number: Any = Annotated[float, msgspec.Meta(ge=lowest, le=highest)]
    values: Any = list[number | None] if feature.missing else list[number]
    return Annotated[values, msgspec.Meta(min_length=feature.length, max_length=feature.length)]


def described(feature: Series) -> dict[str, Any]:
    lowest, highest = bounds(feature)
    unit = {"x-unit": feature.unit} if feature.unit else {}
    kind = ["number", "null"] if feature.missing else "number"
    items = {"type": kind, "minimum": lowest, "maximum": highest} | unit
    return {"type": "array", "items": items, "minItems": feature.length, "maxItems": feature.length}


def example(feature: Series) -> list[float]:
    lowest, highest = bounds(feature)
    return [(lowest + highest) / 2] * feature.length


def wanted(feature: Series) -> str:
    null = f", at most {feature.missing} of them null" if feature.missing else ""
    return f"a list of {feature.length} numbers {between(feature)}, oldest first{null}"


def fault(text: str) -> str:
    return "wrong_length" if "length" in text else ""


def problem(feature: Series, value: Sequence[float | None]) -> str:
    return "too_many_missing" if value.count(None) > feature.missing else ""


def array(feature: Series, values: Sequence[Sequence[float | None]]) -> npt.NDArray[Any]:
    """A null is not a number."""
    return np.array(values, dtype=np.float32).reshape(len(values), feature.length)
