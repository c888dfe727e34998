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

    @property
    def length(self) -> int:
        return self.values

    @property
    def columns(self) -> tuple[str | None, ...]:
        return ()

    @property
    def raw(self) -> str:
        return "number"

    def text(self, value: Sequence[float]) -> str:
        return hashlib.sha256(",".join(f"{float(one):.9g}" for one in value).encode()).hexdigest()


def read(section: Section, common: dict[str, Any]) -> Series:
    """Its keys are `length`, and `range` of each number."""
    length = section.number("length")
    if length < 1 or length % 1:
        section.fail("length", length, "write how many numbers there are, at least 1")
    return Series(**common, range=section.bounds("range"), values=int(length))
