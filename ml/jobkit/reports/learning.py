"""Pictures of any model: how it learnt, and what moves its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ml.jobkit.reports.drawing import BLUE, GREY, ORANGE, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

    from ml.jobkit.features import Specification
    from ml.jobkit.trainers.base import Attributions


@dataclass(frozen=True)
class Contributions:
    """What each feature contributed to each answer. For each row, `base` plus the sum of its `values` is the answer on
    the scale `scale`.
    """

    names: list[str]
    """Of the features, in the order of `features.yaml`."""
    values: npt.NDArray[np.float64]
    """Shape (rows, features)."""
    base: float
    scale: str

    @property
    def importance(self) -> dict[str, float]:
        """Mean absolute contribution of each feature over the rows, largest first."""
        means = np.abs(self.values).mean(axis=0)
        return {self.names[index]: float(means[index]) for index in np.argsort(-means, kind="stable")}


def by_feature(specification: Specification, found: Attributions) -> Contributions:
    """The columns of one feature are added up."""
    owner = [specification.names.index(name) for name, _ in specification.encoded_columns]
    values = np.zeros((len(found.values), len(specification.names)))
    np.add.at(values.T, owner, found.values.T)
    return Contributions(specification.names, values, found.base, found.scale)


def learning_curve(values: Sequence[float], label: str, subject: str) -> Figure:
    """A figure after each round, first round first."""
    figure, axes = plain(f"Learning curve: {subject}", width=7.2, height=4.4)
    rounds = np.arange(1, len(values) + 1)
    axes.plot(rounds, values, color=BLUE, linewidth=2)
    axes.annotate(f"{values[-1]:.3f}", (rounds[-1], values[-1]), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set(xlabel="rounds", ylabel=label, xlim=(0, len(values) * 1.08))
    return figure


def importance(found: Contributions, subject: str) -> Figure:
    """What moves the model's answers most: mean size of each feature's contribution."""
    sizes = found.importance
    figure, axes = plain("What the answers depend on", width=7.6, height=0.38 * len(sizes) + 1.8, grid=False)
    positions = np.arange(len(sizes))[::-1]
    bars = axes.barh(positions, list(sizes.values()), color=BLUE, height=0.7)
    axes.bar_label(bars, fmt="%.2f", padding=4)
    axes.set_yticks(positions, list(sizes))
    axes.set(xlabel=f"mean absolute contribution to the {found.scale} (SHAP), {subject}")
    axes.margins(x=0.1, y=0.02)
    axes.tick_params(axis="y", length=0)
    return figure


def explained_rows(
    specification: Specification,
    found: Contributions,
    frame: pd.DataFrame,
    rows: Mapping[int, str],
    start: str,
) -> Figure:
    """Why single rows got their answer: contributions of each feature's value, largest first.

    Args:
        rows: titles by position of the row.
        start: the answer before anything is known.
    """
    figure = Figure(figsize=(5.4 * len(rows), 5.6), layout="constrained")
    panels = figure.subplots(1, len(rows), squeeze=False, sharex=True)[0]
    for axes, (row, title) in zip(panels, rows.items(), strict=True):
        order = np.argsort(np.abs(found.values[row]))
        values = found.values[row][order]
        axes.barh(range(len(order)), values, color=np.where(values > 0, BLUE, ORANGE), height=0.7)
        axes.set_yticks(range(len(order)), [_value(specification, frame, row, index) for index in order])
        axes.axvline(0, color=GREY, linewidth=1)
        axes.tick_params(axis="y", length=0)
        axes.set_title(title)
        axes.set_xlabel(f"contribution to the {found.scale}")
    figure.suptitle(
        f"Why these rows got their answer: blue raises it, orange lowers it (before anything is known: {start})",
        fontsize=13,
        fontweight="bold",
        x=0.005,
        ha="left",
    )
    return figure


def _value(specification: Specification, frame: pd.DataFrame, row: int, index: int) -> str:
    feature = specification.features[index]
    value = frame.iloc[row][feature.name]
    return f"{feature.name} = {value}" if feature.is_text else f"{feature.name} = {value:,.6g} {feature.unit}".strip()
