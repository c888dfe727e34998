"""Pictures of a binary classifier for a person to look at, in colours for the colour-blind (Okabe and Ito)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import roc_curve

from ml.jobkit import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd
    from matplotlib.axes import Axes

    from ml.jobkit.attributions import Attributions
    from ml.jobkit.features import Specification
    from ml.jobkit.metrics import Labels, Probabilities

BLUE, ORANGE, GREY, LIGHT = "#0072B2", "#D55E00", "#6E6E6E", "#D9D9D9"
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


def roc(labels: Labels, probabilities: Probabilities, subject: str) -> Figure:
    """True against false positive rate over all thresholds; the point is the threshold in use."""
    figure, axes = _figure(f"ROC of the {subject}", width=6.2, height=5.8)
    false, true, _ = roc_curve(labels, probabilities)
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="chance, AUC 0.500")
    axes.plot(false, true, color=BLUE, linewidth=2, label=f"model, AUC {metrics.auc(labels, probabilities):.3f}")
    counts = metrics.confusion(labels, probabilities)
    negative, positive = counts[:, 1] / counts.sum(axis=1)
    axes.plot(negative, positive, "o", color=ORANGE, markersize=8, label=f"threshold {metrics.THRESHOLD:g}")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_aspect("equal")
    _percent(axes)
    axes.legend(loc="lower right")
    return figure


def calibration(labels: Labels, probabilities: Probabilities, subject: str) -> Figure:
    """Predicted probability against what happened, in ten bins of equally many rows; bars are 95 % intervals."""
    figure, axes = _figure(f"Calibration on the {subject}", width=6.2, height=6.2)
    found = metrics.calibration(labels, probabilities)
    lower, upper = _wilson(found.observed, found.rows)
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="perfect")
    axes.errorbar(
        found.predicted,
        found.observed,
        yerr=np.maximum([found.observed - lower, upper - found.observed], 0),
        color=BLUE,
        marker="o",
        capsize=3,
        linewidth=1.5,
        label=f"model, expected calibration error {found.error:.3f}",
    )
    shares, edges = np.histogram(probabilities, bins=40, range=(0, 1), weights=np.full(len(labels), 1 / len(labels)))
    axes.bar(edges[:-1], shares, width=np.diff(edges), align="edge", color=LIGHT, zorder=0, label="share of rows")
    axes.set(xlabel="predicted probability", ylabel="observed share", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_aspect("equal")
    _percent(axes)
    axes.legend(loc="upper left")
    return figure


def confusion(labels: Labels, probabilities: Probabilities, names: tuple[str, str], subject: str) -> Figure:
    """Rows by actual and predicted class; `names` are those of 0 and 1. Shares are of the actual class."""
    counts = metrics.confusion(labels, probabilities)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    accuracy = np.trace(counts) / counts.sum()
    title = f"Confusion on the {subject}\naccuracy {accuracy:.1%} at threshold {metrics.THRESHOLD:g}"
    figure, axes = _figure(title, width=6.0, height=6.0, grid=False)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (actual, predicted), share in np.ndenumerate(shares):
        text = f"{counts[actual, predicted]:,}\n{share:.1%}"
        colour = "white" if share > 0.5 else "black"
        axes.text(predicted, actual, text, ha="center", va="center", fontsize=15, color=colour)
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names, rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="actual (shares are of each row)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def learning_curve(values: Sequence[float], label: str, subject: str) -> Figure:
    """A figure after each tree, first tree first."""
    figure, axes = _figure(f"Learning curve: {subject}", width=7.2, height=4.4)
    rounds = np.arange(1, len(values) + 1)
    axes.plot(rounds, values, color=BLUE, linewidth=2)
    axes.annotate(f"{values[-1]:.3f}", (rounds[-1], values[-1]), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set(xlabel="trees", ylabel=label, xlim=(0, len(values) * 1.08))
    return figure


def importance(attributions: Attributions, subject: str) -> Figure:
    """What moves the model's answers most: mean size of each feature's contribution."""
    found = attributions.importance
    figure, axes = _figure("What the answers depend on", width=7.6, height=0.38 * len(found) + 1.8, grid=False)
    positions = np.arange(len(found))[::-1]
    bars = axes.barh(positions, list(found.values()), color=BLUE, height=0.7)
    axes.bar_label(bars, fmt="%.2f", padding=4)
    axes.set_yticks(positions, list(found))
    axes.set(xlabel=f"mean absolute contribution to the log-odds (SHAP), {subject}")
    axes.margins(x=0.1, y=0.02)
    axes.tick_params(axis="y", length=0)
    return figure


def explained_rows(
    specification: Specification,
    attributions: Attributions,
    frame: pd.DataFrame,
    probabilities: npt.NDArray[np.float64],
    rows: Sequence[int],
) -> Figure:
    """Why single rows got their answer: contributions of each feature's value, largest first; `rows` are positions."""
    figure = Figure(figsize=(5.4 * len(rows), 5.6), layout="constrained")
    panels = figure.subplots(1, len(rows), squeeze=False, sharex=True)[0]
    for axes, row in zip(panels, rows, strict=True):
        order = np.argsort(np.abs(attributions.values[row]))
        values = attributions.values[row][order]
        axes.barh(range(len(order)), values, color=np.where(values > 0, BLUE, ORANGE), height=0.7)
        axes.set_yticks(range(len(order)), [_value(specification, frame, row, index) for index in order])
        axes.axvline(0, color=GREY, linewidth=1)
        axes.tick_params(axis="y", length=0)
        axes.set_title(f"probability {probabilities[row]:.0%}")
        axes.set_xlabel("contribution to the log-odds")
    figure.suptitle(
        "Why these rows got their answer: blue raises it, orange lowers it "
        f"(before anything is known: {_share(attributions.base):.0%})",
        fontsize=13,
        fontweight="bold",
        x=0.005,
        ha="left",
    )
    return figure


def _figure(title: str, width: float, height: float, grid: bool = True) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    axes.grid(visible=grid)
    return figure, axes


def _percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def _value(specification: Specification, frame: pd.DataFrame, row: int, index: int) -> str:
    feature = specification.features[index]
    value = frame.iloc[row][feature.name]
    return (
        f"{feature.name} = {value}"
        if feature.type == "category"
        else f"{feature.name} = {value:,.6g} {feature.unit}".strip()
    )


def _share(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def _wilson(
    shares: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """95 % score interval of a share (Wilson 1927)."""
    z = 1.96
    middle = (shares + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(shares * (1 - shares) / rows + z**2 / (4 * rows**2))
    return middle - half, middle + half
