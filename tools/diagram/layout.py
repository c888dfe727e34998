"""Where the boxes stand: a column for each zone that has any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools.diagram.boxes import ADDRESSES, PRIVATE, PUBLIC, Box
from tools.diagram.places import Zone
from tools.diagram.texts import beside, width, wrapped

PAGE, MARGIN, PADDING = 1200.0, 16.0, 12.0
GUTTER = 36.0
"""Between columns, where arrows run."""
LINE, TITLE, MARK = 14.0, 18.0, 18.0
GAP = 18.0
"""Between boxes of a column."""
TEXT, HEAD = 11.0, 12.0
LOOKS = {PUBLIC: "public", ADDRESSES: "some", PRIVATE: "private"}
"""Classes of pills."""


@dataclass(frozen=True)
class Mark:
    """A pill in a box: its text and look, and its place from the box's left edge and from the first row of pills."""

    text: str
    look: str
    left: float
    row: int


def marks_of(box: Box, room: float) -> tuple[Mark, ...]:
    """How it is reached, by how many private endpoints, and as whom it works."""
    reach = f"{box.reach} ×{box.endpoints}" if box.endpoints and box.reach == PRIVATE else box.reach
    texts = [(reach, LOOKS[box.reach])] if reach else []
    texts += [(f"as {', '.join(box.runs_as)}", "who")] if box.runs_as else []
    places = beside([pill_width(text) for text, _ in texts], room, 6)
    return tuple(Mark(text, look, left, row) for (text, look), (row, left) in zip(texts, places, strict=True))


@dataclass(frozen=True)
class Spot:
    """A box in its place; `lines` are broken to its width, `marks` are its pills."""

    box: Box
    column: int
    left: float
    top: float
    wide: float
    high: float
    lines: tuple[str, ...]
    marks: tuple[Mark, ...]

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.wide

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.high


def columns(boxes: Sequence[Box]) -> list[Zone]:
    """The zones that have a box."""
    return [zone for zone in Zone if any(box.zone is zone for box in boxes)]


def spots(boxes: Sequence[Box], left: float, top: float, room: float) -> list[Spot]:
    """Every box in its column, from `top` down, in a strip of `room` pixels."""
    zones = columns(boxes)
    wide = (room - GUTTER * (len(zones) - 1)) / len(zones)
    placed: list[Spot] = []
    for number, zone in enumerate(zones):
        down = top
        for box in (one for one in boxes if one.zone is zone):
            spot = _spot(box, number, left + number * (wide + GUTTER), down, wide)
            placed.append(spot)
            down = spot.bottom + GAP
    return placed


def _spot(box: Box, column: int, left: float, top: float, wide: float) -> Spot:
    lines = tuple(line for one in box.lines for line in wrapped(one, wide - 2 * PADDING, TEXT))
    marks = marks_of(box, wide - 2 * PADDING)
    rows = max((mark.row + 1 for mark in marks), default=0)
    high = 8 + TITLE + LINE * len(lines) + MARK * rows + (5 if rows else 0)
    return Spot(box, column, left, top, wide, high, lines, marks)


def pill_width(text: str) -> float:
    """How wide a pill with this text is."""
    return width(text, TEXT) + 12
