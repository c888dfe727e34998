"""`series`: so many numbers in a row, oldest first, such as the demand of each of the last hours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml.jobkit.document import Section
from ml.jobkit.features import Feature


@dataclass(frozen=True)
class Series(Feature):
    """What a model derives from it, such as lags and rolling windows, is the task's."""

    plain = False
    values: int = 0
    """How many there are, always."""
    missing: int = 0
    """How many of them a request may leave open, as null; the graph takes them as not a number."""

    @property
    def length(self) -> int:
        return self.values

    @property
    def columns(self) -> tuple[str | None, ...]:
        return ()

    @property
    def optional(self) -> bool:
        return self.missing > 0

    @property
    def raw(self) -> str:
        return "number"

    def text(self, value: Sequence[float | None]) -> str:
        numbers = ("nan" if one is None else f"{float(one):.9g}" for one in value)
        return hashlib.sha256(",".join(numbers).encode()).hexdigest()


def read(section: Section, common: dict[str, Any]) -> Series:
    """Its keys are `length`, `range` of each number and, where some may be null, `missing`."""
    length = section.number("length")
    if length < 1 or length % 1:
        section.fail("length", length, "write how many numbers there are, at least 1")
    missing = section.number("missing") if section.has("missing") else 0
    if not 0 <= missing < length or missing % 1:
        section.fail("missing", missing, f"write how many may be null, 0 to {length - 1:g}")
    return Series(**common, range=section.bounds("range"), values=int(length), missing=int(missing))
