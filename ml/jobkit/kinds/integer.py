"""`integer`: a whole number within a range."""

from __future__ import annotations

from typing import Any

from ml.jobkit.document import Section
from ml.jobkit.kinds.number import Number, made


class Integer(Number):
    """Encoded as it is."""

    stored = "long"


def read(section: Section, common: dict[str, Any]) -> Integer:
    """Its keys are those of a number."""
    return made(Integer, section, common)
