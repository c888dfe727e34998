"""Lengths, patterns and ranges of values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.resource_types.schema import Limits

ROUNDING = 1e-9


def broken_limits(limits: Limits, value: object) -> Iterator[str]:
    """A sentence for each limit that the value breaks."""
    if isinstance(value, str):
        if limits.pattern and not _compiled(limits.pattern).search(value):
            yield f"{value!r} does not match {limits.pattern}"
        yield from _size(len(value), limits.min_length, limits.max_length, repr(value), "characters")
    elif isinstance(value, list):
        yield from _size(len(value), limits.min_items, limits.max_items, "the list", "items")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if limits.minimum is not None and value < limits.minimum:
            yield f"{value} is less than the minimum {limits.minimum}"
        if limits.maximum is not None and value > limits.maximum:
            yield f"{value} is more than the maximum {limits.maximum}"
        if limits.multiple is not None and abs(value / limits.multiple - round(value / limits.multiple)) > ROUNDING:
            yield f"{value} is not a multiple of {limits.multiple}"


def _size(size: int, least: int | None, most: int | None, what: str, unit: str) -> Iterator[str]:
    if least is not None and size < least:
        yield f"{what} has {size} {unit}, at least {least} are needed"
    if most is not None and size > most:
        yield f"{what} has {size} {unit}, at most {most} are allowed"


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
