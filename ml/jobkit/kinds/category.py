"""`category`: one of a list of texts."""

from __future__ import annotations

from typing import Any

from ml.jobkit.document import Section
from ml.jobkit.features import Feature


class Category(Feature):
    """Encoded as one column for each of its categories."""

    is_text = True
    stored = "string"

    @property
    def columns(self) -> tuple[str | None, ...]:
        return self.categories

    def text(self, value: Any) -> str:
        return str(value)


def read(section: Section, common: dict[str, Any]) -> Category:
    """Its key is `categories`."""
    if section.has("range"):
        section.fail("range", section.take("range"), "a number needs [lowest, highest], a category must not have it")
    categories = section.texts("categories") if section.has("categories") else ()
    if not categories:
        section.fail("categories", list(categories), "a category needs them, a number must not have them")
    return Category(**common, categories=categories)
