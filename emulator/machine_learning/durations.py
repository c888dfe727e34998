"""Durations as Azure writes them."""

from __future__ import annotations

import re

DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
SECONDS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


def seconds(text: str) -> float:
    """Seconds of an ISO 8601 duration such as `PT1H30M`.

    Raises:
        ValueError: it is none.
    """
    found = DURATION.fullmatch(text)
    if found is None or text in ("P", "PT") or not any(found.groups()):
        raise ValueError(f"'{text}' is no ISO 8601 duration such as PT1H30M")
    return sum(float(value) * SECONDS[name] for name, value in found.groupdict().items() if value)
