"""Pictures of a binary classifier for a person to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_curve

from ml.jobkit.reports import learning
from ml.jobkit.reports.drawing import BLUE, GREY, LIGHT, ORANGE, percent, plain
from ml.jobkit.tasks.binary import figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from ml.jobkit.report import Trained
    from ml.jobkit.tasks.base import Answers, Examples
    from ml.jobkit.tasks.binary.figures import Labels, Probabilities


EXAMPLES = (0.1, 0.5, 0.9)
"""Rows whose probability is nearest to these are explained."""


def training(trained: Trained) -> dict[str, Figure]:
    """Pictures of one trained model on its holdout set, by file name."""
    labels, probabilities = trained.holdout.labels, trained.answers["probability"]
    name, subject = trained.specification.label.name, trained.subject
    found = {
        "roc": roc(labels, probabilities, subject),
        "calibration": calibration(labels, probabilities, subject),
        "confusion": confusion(labels, probabilities, (f"{name} = 0", f"{name} = 1"), subject),
    }
    if curve := trained.curves.get("cv_auc"):
        found["learning_curve"] = learning.learning_curve(curve, "mean AUC of the folds left out", "training part")
    if trained.attributions is not None:
        explained = learning.by_feature(trained.specification, trained.attributions)
        shown = probabilities[: len(explained.values)]
        nearest = [int(np.abs(shown - wanted).argmin()) for wanted in EXAMPLES]
        titles = {row: f"probability {shown[row]:.0%}" for row in nearest}
        requests, start = trained.holdout.requests, f"{_share(explained.base):.0%}"
        found["importance"] = learning.importance(explained, f"{len(shown)} holdout rows")
        found["explained_rows"] = learning.explained_rows(trained.specification, explained, requests, titles, start)
    return found


def comparison(holdout: Examples, answers: Mapping[str, Answers], subject: str) -> dict[str, Figure]:
    """Pictures of models beside each other, by file name; at most two, by their names."""
    figure, axes = plain(f"ROC of the {subject}", width=6.2, height=5.8)
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="chance, AUC 0.500")
    for colour, (name, said) in zip((BLUE, ORANGE), answers.items(), strict=False):
        probabilities = said["probability"].reshape(-1)
        false, true, _ = roc_curve(holdout.labels, probabilities)
        area = figures.auc(holdout.labels, probabilities)
        axes.plot(false, true, color=colour, linewidth=2, label=f"{name}, AUC {area:.3f}")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_aspect("equal")
    percent(axes)
    axes.legend(loc="lower right")
    return {"roc": figure}


def roc(labels: Labels, probabilities: Probabilities, subject: str) -> Figure:
    """True against false positive rate over all thresholds; the point is the threshold in use."""
    figure, axes = plain(f"ROC of the {subject}", width=6.2, height=5.8)
    false, true, _ = roc_curve(labels, probabilities)
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="chance, AUC 0.500")
    axes.plot(false, true, color=BLUE, linewidth=2, label=f"model, AUC {figures.auc(labels, probabilities):.3f}")
    counts = figures.confusion(labels, probabilities)
    negative, positive = counts[:, 1] / counts.sum(axis=1)
    axes.plot(negative, positive, "o", color=ORANGE, markersize=8, label=f"threshold {figures.THRESHOLD:g}")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_aspect("equal")
    percent(axes)
    axes.legend(loc="lower right")
    return figure


def calibration(labels: Labels, probabilities: Probabilities, subject: str) -> Figure:
    """Predicted probability against what happened, in ten bins of equally many rows; bars are 95 % intervals."""
    figure, axes = plain(f"Calibration on the {subject}", width=6.2, height=6.2)
    found = figures.calibration(labels, probabilities)
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
    percent(axes)
    axes.legend(loc="upper left")
    return figure


def confusion(labels: Labels, probabilities: Probabilities, names: tuple[str, str], subject: str) -> Figure:
    """Rows by actual and predicted class; `names` are those of 0 and 1. Shares are of the actual class."""
    counts = figures.confusion(labels, probabilities)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    accuracy = np.trace(counts) / counts.sum()
    title = f"Confusion on the {subject}\naccuracy {accuracy:.1%} at threshold {figures.THRESHOLD:g}"
    figure, axes = plain(title, width=6.0, height=6.0, grid=False)
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


def _wilson(
    shares: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """95 % score interval of a share (Wilson 1927)."""
    z = 1.96
    middle = (shares + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(shares * (1 - shares) / rows + z**2 / (4 * rows**2))
    return middle - half, middle + half


def _share(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))
