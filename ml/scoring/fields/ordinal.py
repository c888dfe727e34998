"""One of a list of texts that have an order: in a request no different from a category."""

from __future__ import annotations

from ml.scoring.fields.category import array, decoded, described, example, fault, wanted

__all__ = ["array", "decoded", "described", "example", "fault", "wanted"]
