"""A picture of two models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import roc_curve

from ml.jobkit import metrics
from ml.jobkit.plots import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml.jobkit.metrics import Labels, Probabilities

COLOURS = (BLUE, ORANGE)


def roc(labels: Labels, answers: Mapping[str, Probabilities], subject: str) -> Figure:
    """True against false positive rate of each model, by its name; at most two."""
    figure = Figure(figsize=(6.2, 5.8), layout="constrained")
    axes = figure.subplots()
    axes.set_title(f"ROC of the {subject}")
    axes.grid(visible=True)
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="chance, AUC 0.500")
    for colour, (name, probabilities) in zip(COLOURS, answers.items(), strict=False):
        false, true, _ = roc_curve(labels, probabilities)
        area = metrics.auc(labels, probabilities)
        axes.plot(false, true, color=colour, linewidth=2, label=f"{name}, AUC {area:.3f}")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_aspect("equal")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="lower right")
    return figure
