"""Small charts as inline SVG: the geometry is made here, the look is in the style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 240, 48
PLOT_WIDTH, PLOT_HEIGHT = 320, 96
PADDING = 3.0
MOST_POINTS = 500
Value = float | None


@dataclass(frozen=True)
class Bar:
    """One column, from the top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """Columns or lines in a box of `width` by `height`; `label` says in words what a person would see."""

    label: str
    width: int
    height: int
    bars: Sequence[Bar] = ()
    lines: Sequence[str] = ()
    low: float | None = None
    high: float | None = None


def columns(values: Sequence[Value], label: str) -> Chart:
    """A column for each value; nothing for 0 and for what is not known."""
    highest = max((value for value in values if value), default=0.0)
    if not highest:
        return Chart(label, WIDTH, HEIGHT)
    step = WIDTH / len(values)
    room = HEIGHT - PADDING
    bars = [
        Bar(round(at * step, 1), round(HEIGHT - tall, 1), round(max(1.0, step - 1), 1), round(tall, 1))
        for at, value in enumerate(values)
        if value
        for tall in (max(1.5, value / highest * room),)
    ]
    return Chart(label, WIDTH, HEIGHT, bars=bars, low=0.0, high=highest)


def line(values: Sequence[Value], label: str) -> Chart:
    """A line from 0 upwards, with gaps where nothing is known; a value alone is a dot."""
    known = [value for value in values if value is not None]
    if not known:
        return Chart(label, WIDTH, HEIGHT)
    points = [(float(at), value) for at, value in enumerate(values)]
    return _drawn(points, label, (WIDTH, HEIGHT), (0.0, max(len(values) - 1.0, 1.0)), (0.0, max(known) or 1.0))


def plot(points: Sequence[tuple[float, float]], label: str) -> Chart:
    """A metric by its steps, between its least and its greatest value; what is no number is left out."""
    points = thinned([(step, value) for step, value in points if math.isfinite(value)])
    if not points:
        return Chart(label, PLOT_WIDTH, PLOT_HEIGHT)
    steps, values = [step for step, _ in points], [value for _, value in points]
    return _drawn(points, label, (PLOT_WIDTH, PLOT_HEIGHT), (min(steps), max(steps)), (min(values), max(values)))


def thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """At most about `MOST_POINTS` of them, the last one always."""
    step = -(-len(points) // MOST_POINTS)
    return [*points[:-1:step], points[-1]] if step > 1 else points


def _drawn(
    points: Sequence[tuple[float, Value]],
    label: str,
    size: tuple[int, int],
    across: tuple[float, float],
    upwards: tuple[float, float],
) -> Chart:
    def place(step: float, value: float) -> tuple[float, float]:
        x = PADDING + (step - across[0]) / ((across[1] - across[0]) or 1.0) * (size[0] - 2 * PADDING)
        share = (value - upwards[0]) / (upwards[1] - upwards[0]) if upwards[1] > upwards[0] else 0.5
        return round(x, 1), round(size[1] - PADDING - share * (size[1] - 2 * PADDING), 1)

    runs: list[list[tuple[float, float]]] = [[]]
    for step, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append(place(step, value))
    # A point alone is a line to itself: with round ends it is a dot, however the picture is stretched.
    lines = [" ".join(f"{x:g},{y:g}" for x, y in (run if len(run) > 1 else run * 2)) for run in runs if run]
    return Chart(label, *size, lines=lines, low=upwards[0], high=upwards[1])
