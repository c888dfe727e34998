"""One of a list of texts; another text too, where the feature's rule is `zeros`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np

from ml.jobkit.features import Feature

if TYPE_CHECKING:
    import numpy.typing as npt

LONGEST_TEXT = 100
"""Characters of an unknown category that is accepted: it is kept in memory until its row is scored."""


def decoded(feature: Feature, *, lenient: bool) -> Any:
    if lenient and feature.unknown == "zeros":
        return Annotated[str, msgspec.Meta(max_length=longest_text(feature))]
    return Literal[feature.categories]


def described(feature: Feature) -> dict[str, Any]:
    known = {"enum": list(feature.categories)}
    if feature.unknown == "reject":
        return {"type": "string"} | known
    return {"anyOf": [known, {"type": "string", "maxLength": longest_text(feature)}]}


def example(feature: Feature) -> str:
    return feature.categories[0]


def wanted(feature: Feature) -> str:
    if feature.unknown == "zeros":
        return f"a text of at most {longest_text(feature)} characters"
    return f"one of {', '.join(feature.categories)}"


def fault(text: str) -> str:
    if text.startswith("Invalid enum value"):
        return "unknown_category"
    return "text_too_long" if text.startswith("Expected `str` of length <=") else ""


def array(feature: Feature, values: Sequence[Any]) -> npt.NDArray[Any]:
    return np.array(values, dtype=object).reshape(-1, 1)


def longest_text(feature: Feature) -> int:
    """Characters that a category may have, known or not."""
    return max(LONGEST_TEXT, *map(len, feature.categories))
