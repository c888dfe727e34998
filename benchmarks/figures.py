"""How a figure is taken and printed."""

from __future__ import annotations

import time
from collections.abc import Callable


def timed(run: Callable[..., object], *given: object) -> float:
    """Seconds of a call."""
    begin = time.monotonic()
    run(*given)
    return time.monotonic() - begin


def say(name: str, value: float, unit: str, limit: float | None = None) -> bool:
    """Prints a figure; False when it is over its limit."""
    well = limit is None or value <= limit
    wanted = "" if limit is None else f"  (wanted: at most {limit:g} {unit}{'' if well else ' - NOT MET'})"
    print(f"{name:<52} {value:8.2f} {unit}{wanted}", flush=True)
    return well
