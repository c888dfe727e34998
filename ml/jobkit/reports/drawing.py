"""How all pictures look, in colours for the colour-blind (Okabe and Ito)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, GREY, LIGHT = "#0072B2", "#D55E00", "#009E73", "#6E6E6E", "#D9D9D9"
STYLE = {
    "font.size": 11,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "legend.frameon": False,
}
matplotlib.rcParams.update(STYLE)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG; the same figure gives the same bytes."""
    figure.savefig(path, dpi=110, metadata={"Software": None})


def plain(title: str, width: float, height: float, *, grid: bool = True) -> tuple[Figure, Axes]:
    """A figure with one pair of axes; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    axes.grid(visible=grid)
    return figure, axes


def percent(axes: Axes) -> None:
    """Both axes hold shares."""
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
