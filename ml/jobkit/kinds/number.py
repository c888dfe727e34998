"""`number`: a number within a range."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from ml.jobkit.document import Section
from ml.jobkit.features import Feature

DeriveRule = Literal["whole_years"]
DERIVE_RULES: tuple[DeriveRule, ...] = ("whole_years",)


class Number(Feature):
    """Encoded as it is."""

    @property
    def raw(self) -> str:
        return "birth_date" if self.derive == "whole_years" else self.type


N = TypeVar("N", bound=Number)


def read(section: Section, common: dict[str, Any]) -> Number:
    """Its keys are `range` and, where it is derived from another value, `derive`."""
    return made(Number, section, common)


def made(kind: type[N], section: Section, common: dict[str, Any]) -> N:
    """A feature of one of the kinds that are numbers."""
    derive = section.choice("derive", DERIVE_RULES) if section.has("derive") else None
    if section.has("categories"):
        fix = "a category needs them, a number must not have them"
        section.fail("categories", section.take("categories"), fix)
    bounds = section.bounds("range") if section.has("range") else None
    if bounds is None:
        section.fail("range", bounds, "a number needs [lowest, highest], a category must not have it")
    if common["unknown"] == "zeros":
        section.fail("unknown", "zeros", "only a category has an all-zero encoding; write reject")
    return kind(**common, derive=derive, range=bounds)
