"""Figures and times as people read them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from datetime import datetime

from ml.jobs.watch import ASKED_FIRST

DIGITS = 4
HELD = "\xa0"
"""A space at which no line ends."""
FIGURE = re.compile(r"[a-z_]+ \d+\.\d+")


def figure(value: object) -> str:
    """A figure with four digits after the point, which is where two good models differ; anything else as it is."""
    return f"{value:.{DIGITS}f}" if isinstance(value, float) else str(value)


def ordered(metrics: Mapping[str, object]) -> list[str]:
    """Names of figures, those most asked for first."""
    return [name for name in ASKED_FIRST if name in metrics] + [name for name in metrics if name not in ASKED_FIRST]


def figures(metrics: Mapping[str, object], most: int = 3) -> str:
    """`auc 0.8612  accuracy 0.7901`; `-` when there are none."""
    return "  ".join(f"{name} {figure(metrics[name])}" for name in ordered(metrics)[:most]) or "-"


def when(time: str) -> str:
    """A time of the cloud's in this machine's time zone, to the minute; as it is when it is no time."""
    try:
        return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return time


def count(number: int, word: str) -> str:
    """`1 request`, `3 requests`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def hanging(label: str, text: str, width: int) -> str:
    """A text beside its label, in as many lines as it needs. What has no space, such as an address, stays whole, and so
    do a figure with its name and what `together` holds together.
    """
    indent, room = " " * len(label), max(width - len(label), 20)
    held = FIGURE.sub(lambda found: together(found[0]), text)
    lines = textwrap.wrap(held, room, break_long_words=False, break_on_hyphens=False) or [""]
    return (label + f"\n{indent}".join(lines)).replace(HELD, " ").rstrip()


def together(text: str) -> str:
    """A text that `hanging` does not break."""
    return text.replace(" ", HELD)
