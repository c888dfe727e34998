"""Pictures of a classification with several classes for a person to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.jobkit.reports import learning
from ml.jobkit.reports.drawing import BLUE, ORANGE, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from ml.jobkit.report import Trained
    from ml.jobkit.tasks.base import Answers, Examples

    Probabilities = npt.NDArray[np.float64]


def training(trained: Trained) -> dict[str, Figure]:
    """Pictures of one trained model on its holdout set, by file name."""
    probabilities = np.asarray(trained.answers["probabilities"])
    classes = trained.specification.label.classes
    found = {"confusion": confusion(trained.holdout.labels, probabilities, classes, trained.subject)}
    if curve := trained.curves.get("cv_log_loss"):
        found["learning_curve"] = learning.learning_curve(curve, "log loss of the folds left out", "training part")
    return found


def comparison(holdout: Examples, answers: Mapping[str, Answers], subject: str) -> dict[str, Figure]:
    """Pictures of models beside each other, by file name; at most two, by their names."""
    figure, axes = plain(f"Right answers by certainty on the {subject}", width=7.2, height=4.6)
    for colour, (name, said) in zip((BLUE, ORANGE), answers.items(), strict=False):
        probabilities = np.asarray(said["probabilities"])
        order = np.argsort(-probabilities.max(axis=1), kind="stable")
        right = (probabilities.argmax(axis=1) == holdout.labels)[order]
        shares = np.arange(1, len(right) + 1) / len(right)
        text = f"{name}, accuracy {right.mean():.3f}"
        axes.plot(shares, np.cumsum(right) / np.arange(1, len(right) + 1), color=colour, linewidth=2, label=text)
    axes.set(xlabel="share of rows, the most certain answers first", ylabel="share of right answers among them")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower left")
    return {"certainty": figure}


def confusion(
    labels: npt.NDArray[np.int64], probabilities: Probabilities, classes: Sequence[str], subject: str
) -> Figure:
    """Rows by actual and most probable class. Shares are of the actual class."""
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.6 + 0.9 * len(classes)
    title = f"Confusion on the {subject}\naccuracy {np.trace(counts) / counts.sum():.1%}"
    figure, axes = plain(title, width=size + 0.8, height=size, grid=False)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (actual, predicted), share in np.ndenumerate(shares):
        colour = "white" if share > 0.5 else "black"
        text = f"{counts[actual, predicted]:,}\n{share:.0%}"
        axes.text(predicted, actual, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="actual (shares are of each row)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure
