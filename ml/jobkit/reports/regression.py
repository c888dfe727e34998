"""Pictures of a regression for a person to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.jobkit.reports import learning
from ml.jobkit.reports.drawing import BLUE, GREY, LIGHT, ORANGE, plain
from ml.jobkit.tasks.regression import figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from ml.jobkit.features import Label
    from ml.jobkit.report import Trained
    from ml.jobkit.tasks.base import Answers, Examples

    Numbers = npt.NDArray[np.float64]

EXAMPLES = (0.1, 0.5, 0.9)
"""Rows whose answer is nearest to these quantiles of all answers are explained."""
SHOWN = 0.99
"""Axes end at this quantile, so that a few very large numbers do not squeeze the rest together."""


def training(trained: Trained) -> dict[str, Figure]:
    """Pictures of one trained model on its holdout set, by file name."""
    labels, predictions = trained.holdout.labels, np.asarray(trained.answers["prediction"])
    label, subject = trained.specification.label, trained.subject
    found = {
        "predictions": scatter(labels, predictions, label, subject),
        "calibration": calibration(labels, predictions, label, subject),
        "errors": errors({"model": predictions, "mean": np.full(len(labels), labels.mean())}, labels, label, subject),
    }
    if curve := trained.curves.get("cv_rmse"):
        text = f"root mean squared error of the folds left out{_unit(label)}"
        found["learning_curve"] = learning.learning_curve(curve, text, "training part")
    if trained.attributions is not None:
        explained = learning.by_feature(trained.specification, trained.attributions)
        shown = predictions[: len(explained.values)]
        nearest = [int(np.abs(shown - wanted).argmin()) for wanted in np.quantile(shown, EXAMPLES)]
        titles = {row: f"{label.name} {shown[row]:,.4g} {label.unit}".strip() for row in nearest}
        start = f"{explained.base:,.4g} {label.unit}".strip()
        found["importance"] = learning.importance(explained, f"{len(shown)} holdout rows")
        found["explained_rows"] = learning.explained_rows(
            trained.specification, explained, trained.holdout.requests, titles, start
        )
    return found


def comparison(holdout: Examples, answers: Mapping[str, Answers], subject: str) -> dict[str, Figure]:
    """Pictures of models beside each other, by file name; at most two, by their names."""
    said = {name: np.asarray(one["prediction"], dtype=np.float64).reshape(-1) for name, one in answers.items()}
    return {"errors": errors(said, holdout.labels, None, subject)}


def scatter(labels: Numbers, predictions: Numbers, label: Label, subject: str) -> Figure:
    """Each row: what was answered and what was true."""
    figure, axes = plain(f"Answers and truth on the {subject}", width=6.4, height=6.2)
    end = float(np.quantile(labels, SHOWN))
    start = min(float(labels.min()), 0.0)
    axes.plot([start, end], [start, end], "--", color=GREY, linewidth=1, label="perfect")
    text = f"rows, R² {figures.r2(labels, predictions):.3f}"
    axes.plot(predictions, labels, "o", color=BLUE, markersize=3, alpha=0.35, markeredgewidth=0, label=text)
    axes.set(xlabel=f"predicted {label.name}{_unit(label)}", ylabel=f"true {label.name}{_unit(label)}")
    axes.set(xlim=(start, end), ylim=(start, end))
    axes.legend(loc="upper left")
    return figure


def calibration(labels: Numbers, predictions: Numbers, label: Label, subject: str) -> Figure:
    """Mean answer against mean truth, in ten bins of equally many rows; the band holds the middle 80 % of the truth."""
    figure, axes = plain(f"What answers mean on the {subject}", width=6.4, height=6.2)
    order = np.argsort(predictions, kind="stable")
    parts = [part for part in np.array_split(order, 10) if len(part)]
    said = np.array([predictions[part].mean() for part in parts])
    true = np.array([labels[part].mean() for part in parts])
    low, high = np.array([np.quantile(labels[part], (0.1, 0.9)) for part in parts]).T
    axes.fill_between(said, low, high, color=LIGHT, label="middle 80 % of the truth")
    axes.plot(said, said, "--", color=GREY, linewidth=1, label="perfect")
    axes.plot(said, true, "o-", color=BLUE, linewidth=1.5, label="mean truth in each tenth of the rows")
    axes.set(xlabel=f"predicted {label.name}{_unit(label)}", ylabel=f"true {label.name}{_unit(label)}")
    axes.legend(loc="upper left")
    return figure


def errors(said: Mapping[str, Numbers], labels: Numbers, label: Label | None, subject: str) -> Figure:
    """The share of rows whose error is at most so large; a line further to the left is better."""
    figure, axes = plain(f"Errors on the {subject}", width=7.2, height=4.6)
    end = 0.0
    for colour, (name, predictions) in zip((BLUE, ORANGE), said.items(), strict=False):
        error = np.sort(np.abs(predictions - labels))
        shares = np.arange(1, len(error) + 1) / len(error)
        axes.plot(error, shares, color=colour, linewidth=2, label=f"{name}, median {np.median(error):,.3g}")
        end = max(end, float(np.quantile(error, SHOWN)))
    axes.set(xlabel=f"absolute error{_unit(label) if label else ''}", ylabel="share of rows with at most this error")
    axes.set(xlim=(0, end), ylim=(0, 1.01))
    axes.legend(loc="lower right")
    return figure


def _unit(label: Label) -> str:
    return f" ({label.unit})" if label.unit else ""
