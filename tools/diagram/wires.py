"""The arrows: which service works on which, by the roles it has, and a way for each between the boxes.

Arrows to the same box share a lane in a gutter, so that a gutter has as many lanes as boxes are reached through it.
What is further away than the next column goes by a channel above the boxes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.diagram.boxes import Box, title_of
from tools.diagram.items import IDENTITY, ROLE_ASSIGNMENT, Items
from tools.diagram.layout import GAP, GUTTER, Spot

LANE = 7.0
"""Between two lanes of a gutter, and two of the channel."""
PORT = 9.0
"""Between two arrows at one side of a box."""
LEFT, RIGHT, BETWEEN = "left", "right", "between"
FIRST = {LEFT: 14.0, RIGHT: 18.5}
"""From the top of a box to its first arrow: two boxes on either side of a gutter have theirs at different heights."""


def wires_of(items: Items, boxes: Sequence[Box]) -> list[tuple[str, str]]:
    """Pairs of titles: from a service to each one that its identity has a role on."""
    found: set[tuple[str, str]] = set()
    titles = {box.title for box in boxes}
    for item in items.of_type(ROLE_ASSIGNMENT):
        who, on = items.principal(item), items.nearest(item)
        target = title_of(on, items) if on and on.type != IDENTITY else ""
        found |= {(box.title, target) for box in boxes if who in box.runs_as and box.title != target in titles}
    return sorted(found)


@dataclass(frozen=True)
class Wire:
    """One arrow's way, as corners; `spot` is what it leads to."""

    corners: tuple[tuple[float, float], ...]
    spot: Spot


@dataclass(frozen=True)
class _Way:
    """One arrow before it has a lane: by which side it leaves and comes in, and by which gutters it goes."""

    source: Spot
    target: Spot
    leaves: str
    enters: str
    first: int
    last: int

    @property
    def is_long(self) -> bool:
        """Whether it needs the channel."""
        return self.first != self.last

    @property
    def is_straight(self) -> bool:
        """Whether it goes from a box to the one below or above it."""
        return self.leaves == BETWEEN


def _way(source: Spot, target: Spot, count: int) -> _Way:
    """Gutter n is the one to the right of column n."""
    if source.column == target.column and GAP in (target.top - source.bottom, source.top - target.bottom):
        return _Way(source, target, BETWEEN, BETWEEN, source.column, source.column)
    if source.column < target.column:
        return _Way(source, target, RIGHT, LEFT, source.column, target.column - 1)
    if source.column > target.column:
        return _Way(source, target, LEFT, RIGHT, source.column - 1, target.column)
    if source.column < count - 1:
        return _Way(source, target, RIGHT, RIGHT, source.column, source.column)
    return _Way(source, target, LEFT, LEFT, source.column - 1, source.column - 1)


def channel_height(pairs: Iterable[tuple[str, str]], placed: Sequence[Spot]) -> float:
    """What the channel needs above the boxes."""
    count = len(_long_targets(_ways(pairs, placed)))
    return count * LANE + (6 if count else 0)


def _ways(pairs: Iterable[tuple[str, str]], placed: Sequence[Spot]) -> list[_Way]:
    by_title = {spot.box.title: spot for spot in placed}
    count = max((spot.column for spot in placed), default=0) + 1
    if count == 1:
        return []
    return [_way(by_title[source], by_title[target], count) for source, target in pairs]


def _long_targets(ways: Iterable[_Way]) -> list[str]:
    return sorted({way.target.box.title for way in ways if way.is_long})


def wires(pairs: Iterable[tuple[str, str]], placed: Sequence[Spot], channel: float) -> list[Wire]:
    """A way for every pair; `channel` is the height of the channel's lowest lane."""
    every = _ways(pairs, placed)
    ways = [way for way in every if not way.is_straight]
    gates, lanes = _Gates(ways), _Lanes(ways, placed)
    straight = [Wire(_between(way), way.target) for way in every if way.is_straight]
    heights = {title: channel - LANE * number for number, title in enumerate(_long_targets(ways))}
    return [*straight, *(Wire(tuple(_corners(way, gates, lanes, heights)), way.target) for way in ways)]


def _between(way: _Way) -> tuple[tuple[float, float], ...]:
    source, target = way.source, way.target
    at = source.left + source.wide / 2
    ends = (source.bottom, target.top) if source.top < target.top else (source.top, target.bottom)
    return (at, ends[0]), (at, ends[1])


def _corners(way: _Way, gates: _Gates, lanes: _Lanes, heights: dict[str, float]) -> Iterable[tuple[float, float]]:
    out, into = gates.out(way), gates.into(way)
    near = lanes.at(way.first, way.target)
    yield getattr(way.source, way.leaves), out
    yield near, out
    if way.is_long:
        over, far = heights[way.target.box.title], lanes.at(way.last, way.target)
        yield near, over
        yield far, over
        near = far
    yield near, into
    yield getattr(way.target, way.enters), into


class _Gates:
    """Where arrows leave and enter: one place at a side for all that come in, one for each that goes out."""

    def __init__(self, ways: Sequence[_Way]) -> None:
        ends: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        for way in ways:
            ends[way.target.box.title, way.enters].append((0.0, f"> {way.target.box.title}"))
            ends[way.source.box.title, way.leaves].append((1 + way.target.top, way.target.box.title))
        self._at: dict[tuple[str, str, str], float] = {}
        spots = {spot.box.title: spot for way in ways for spot in (way.source, way.target)}
        for (title, side), found in ends.items():
            for number, (_, key) in enumerate(sorted(set(found))):
                self._at[title, side, key] = spots[title].top + FIRST[side] + PORT * number

    def out(self, way: _Way) -> float:
        return self._at[way.source.box.title, way.leaves, way.target.box.title]

    def into(self, way: _Way) -> float:
        return self._at[way.target.box.title, way.enters, f"> {way.target.box.title}"]


class _Lanes:
    """A lane of a gutter for each box that is reached through it, in the order of their heights."""

    def __init__(self, ways: Sequence[_Way], placed: Sequence[Spot]) -> None:
        reached: dict[int, set[tuple[float, str]]] = defaultdict(set)
        for way in ways:
            for gutter in {way.first, way.last}:
                reached[gutter].add((way.target.top, way.target.box.title))
        edges = {spot.column: spot.right for spot in placed}
        self._at = {
            (gutter, title): edges[gutter] + GUTTER / 2 + LANE * (number - (len(found) - 1) / 2)
            for gutter, found in reached.items()
            for number, (_, title) in enumerate(sorted(found))
        }

    def at(self, gutter: int, target: Spot) -> float:
        return self._at[gutter, target.box.title]
