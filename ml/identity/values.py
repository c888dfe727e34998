"""Values of inputs and outputs as they are compared, hashed and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Properties = dict[str, Any]


def plain(value: Any) -> Any:
    """A value without the wire's floats: `3.0` arrives for `3`, and would hash and print as another value."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def some(names: Sequence[str], most: int = 6) -> str:
    """`a, b and 3 more`: the first of many names, for one line of text."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
