"""Templates, and how times, digests and figures are written in them. Everything is escaped."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).resolve().parent
MINUTE, HOUR, DAY = 60, 3600, 86400
SHORT = 12


def moment(value: Any) -> float | None:
    """Seconds since the epoch of an ISO 8601 text; None when it is none."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def duration(seconds: float | None) -> str:
    """`48 s`, `3 min 20 s`, `2 h 5 min`, `4 d`."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return (
            f"{whole // MINUTE} min {whole % MINUTE} s" if whole % MINUTE and whole < 600 else f"{whole // MINUTE} min"
        )
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min" if whole % HOUR >= MINUTE else f"{whole // HOUR} h"
    return f"{whole // DAY} d"


def ago(value: Any, now: float | None = None) -> Markup:
    """How long ago, with the time itself as title."""
    seconds = value if isinstance(value, (int, float)) else moment(value)
    if seconds is None:
        return Markup("–")
    passed = (time.time() if now is None else now) - seconds
    words = "just now" if -5 < passed < 5 else f"{coarse(passed)} ago" if passed > 0 else f"in {coarse(-passed)}"
    written = datetime.fromtimestamp(seconds, UTC)
    template = '<time datetime="{}" title="{}">{}</time>'
    return Markup(template).format(written.isoformat(), written.strftime("%Y-%m-%d %H:%M:%S UTC"), words)  # noqa: S704


def coarse(seconds: float) -> str:
    """A duration in its largest unit."""
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def short(value: Any) -> Markup:
    """The first characters of a digest, with the whole of it as title."""
    text = str(value or "")
    if not text:
        return Markup("–")
    return Markup('<code class="digest" title="{}">{}</code>').format(text, text.removeprefix("sha256:")[:SHORT])


def figure(value: Any) -> str:
    """A number with four digits that matter; anything else as it is."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    if not math.isfinite(number):
        return str(value)
    if number == int(number) and abs(number) < 1e9:
        return f"{int(number):,}"
    return f"{number:.4f}" if 1e-3 <= abs(number) < 10 else f"{number:.4g}"


def fixed(value: float, digits: int) -> str:
    """A number with so many digits after the point."""
    return f"{value:.{digits}f}"


def where(resource_id: str) -> str:
    """The page of a resource."""
    return "/resource" + quote(resource_id, safe="/")


def image(reference: Any) -> Markup:
    """An image by repository and the first characters of its tag or digest, with the whole reference as title."""
    text = str(reference or "")
    if not text:
        return Markup("–")
    last = text.rpartition("/")[2]
    name, _, digest = last.partition("@") if "@" in last else last.partition(":")
    template = '<span title="{}">{} <code class="digest">{}</code></span>'
    return Markup(template).format(text, name.partition(":")[0], digest.removeprefix("sha256:")[:SHORT])  # noqa: S704


def size(value: float) -> str:
    """Bytes for people, in decimal units."""
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def environment() -> Environment:
    """Jinja with the filters above; what a template names and nobody gave is a defect."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        ago=ago, duration=duration, short=short, image=image, figure=figure, fixed=fixed, size=size, where=where
    )
    return made
