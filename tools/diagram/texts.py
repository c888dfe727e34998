"""How wide text is, without a font at hand: what is drawn must fit whichever sans-serif the reader has.

Widths are those of DejaVu Sans, among the widest of the fonts in common use, so that text in a narrower one has room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

WIDTHS: Mapping[str, float] = MappingProxyType(
    {
        " .,:;'|!()[]/\\-": 0.37,
        "ijl": 0.29,
        "ftrI": 0.42,
        "szcJk": 0.55,
        "mwMW@%×→": 0.95,
        "ABDGHNOQUVXCKRS": 0.73,
    }
)
"""Of characters in widths of the font's size; a bold one is a tenth wider."""
OTHERS, BOLD = 0.62, 1.1
BY_CHARACTER = {character: width for characters, width in WIDTHS.items() for character in characters}


def width(text: str, size: float, *, bold: bool = False) -> float:
    """About how many pixels a text takes."""
    return sum(BY_CHARACTER.get(character, OTHERS) for character in text) * size * (BOLD if bold else 1)


def wrapped(text: str, room: float, size: float) -> list[str]:
    """Lines of at most `room` pixels, broken at spaces; a single word that is longer stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def beside(widths: list[float], room: float, gap: float) -> Iterator[tuple[int, float]]:
    """Places things beside each other in rows of `room` pixels: a row's number and a left edge for each."""
    row, left = 0, 0.0
    for one in widths:
        if left and left + one > room:
            row, left = row + 1, 0.0
        yield row, left
        left += one + gap
