"""`ordinal`: one of a list of texts that have an order, such as low, normal, high."""

from __future__ import annotations

from typing import Any

from ml.jobkit.document import Section
from ml.jobkit.features import Feature


class Ordinal(Feature):
    """Encoded as one column: the place in the list, from 0; a text that is not listed is -1."""

    is_text = True
    stored = "string"

    @property
    def raw(self) -> str:
        return "category"

    def text(self, value: Any) -> str:
        return str(value)


def read(section: Section, common: dict[str, Any]) -> Ordinal:
    """Its key is `categories`, lowest first."""
    categories = section.texts("categories")
    if len(categories) < 2:
        section.fail("categories", list(categories), "write at least two texts, lowest first")
    return Ordinal(**common, categories=categories)
