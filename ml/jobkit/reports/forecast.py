"""Pictures of a forecast for a person to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MultipleLocator, PercentFormatter

from ml.jobkit.reports import learning
from ml.jobkit.reports.drawing import BLUE, GREEN, GREY, LIGHT, ORANGE, plain
from ml.jobkit.tasks.forecast import matrix
from ml.jobkit.tasks.forecast.contract import FORECAST, LOWER, UPPER

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from ml.jobkit.report import Trained
    from ml.jobkit.tasks.base import Answers, Examples
    from ml.jobkit.trainers.base import Attributions

    Numbers = npt.NDArray[np.float64]

COLUMNS = 15
"""Columns of the matrix whose weight is shown."""
RANKS = {"best": 0.0, "median": 0.5, "worst": 1.0}
"""Origins that are shown, by the rank of their error."""


def training(trained: Trained) -> dict[str, Figure]:
    """Pictures of one trained model on its holdout set, by file name."""
    true, answers = trained.holdout.labels, trained.answers
    found = {
        "by_step": by_step({"model": _errors(true, answers)}, trained.subject),
        "by_origin": by_origin(trained),
        "coverage": coverage(true, answers, trained.subject),
        **{f"forecast_{name}": forecast(trained, rank, name) for name, rank in RANKS.items()},
    }
    if curve := trained.curves.get("cv_mae"):
        words = "mean absolute error, share of the level"
        found["learning_curve"] = learning.learning_curve(curve, words, "training part")
    if trained.attributions is not None:
        found["importance"] = learning.importance(_contributions(trained.attributions, true.shape[1]), "first hours")
    return found


def comparison(holdout: Examples, answers: Mapping[str, Answers], subject: str) -> dict[str, Figure]:
    """Pictures of models beside each other, by file name; at most two, by their names."""
    errors = {name: _errors(holdout.labels, said) for name, said in answers.items()}
    return {"by_step": by_step(errors, subject)}


def by_step(errors: Mapping[str, Numbers], subject: str) -> Figure:
    """How the error grows with the distance."""
    figure, axes = plain(f"Error by distance, {subject}", width=8, height=4.2)
    for colour, (name, found) in zip((BLUE, ORANGE), errors.items(), strict=False):
        mean = np.nanmean(found, axis=0)
        axes.plot(
            np.arange(1, len(mean) + 1), mean, color=colour, linewidth=2, label=f"{name}, {np.nanmean(found):.1%}"
        )
    axes.set(xlabel="hours ahead", ylabel="mean absolute error", ylim=(0, None), xlim=(1, None))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_locator(MultipleLocator(6))
    axes.legend(loc="lower right")
    return figure


def by_origin(trained: Trained) -> Figure:
    """Which forecasts were good, over the year."""
    errors = np.nanmean(_errors(trained.holdout.labels, trained.answers), axis=1)
    figure, axes = plain(f"Error of each forecast, {trained.subject}", width=8, height=4.2)
    axes.bar(np.arange(len(errors)), errors, color=BLUE, width=0.8)
    axes.axhline(errors.mean(), color=ORANGE, linewidth=1.5, label=f"mean, {errors.mean():.1%}")
    places = np.linspace(0, len(errors) - 1, 6).round().astype(int)
    days = [str(start)[:10] for start in trained.holdout.requests.index]
    axes.set_xticks(places, [days[place] for place in places])
    axes.set(ylabel="mean absolute error")
    axes.yaxis.set_major_locator(MultipleLocator(0.05))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(loc="upper right")
    return figure


def coverage(true: Numbers, answers: Answers, subject: str) -> Figure:
    """How many true values lie in their interval, by distance."""
    inside = (answers[LOWER] <= true) & (true <= answers[UPPER])
    shares = np.nanmean(np.where(np.isnan(true), np.nan, inside), axis=0)
    figure, axes = plain(f"True values within their interval, {subject}", width=8, height=4.2)
    axes.plot(np.arange(1, len(shares) + 1), shares, color=BLUE, linewidth=2)
    axes.axhline(shares.mean(), color=GREY, linewidth=1, linestyle="--", label=f"all hours, {shares.mean():.1%}")
    axes.set(xlabel="hours ahead", ylabel="share of values", ylim=(0, 1.02), xlim=(1, None))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_locator(MultipleLocator(6))
    axes.legend(loc="lower right")
    return figure


def forecast(trained: Trained, rank: float, name: str) -> Figure:
    """One forecast with its interval, what came, and the days before."""
    true, answers = trained.holdout.labels, trained.answers
    errors = np.nanmean(_errors(true, answers), axis=1)
    row = int(np.argsort(errors)[round(rank * (len(errors) - 1))])
    label = trained.specification.label
    before = np.asarray(trained.holdout.requests.iloc[row].iloc[-1], dtype=np.float64)[-2 * true.shape[1] :]
    start = str(trained.holdout.requests.index[row]).replace("T", " ")[:16]
    figure, axes = plain(f"The {name} of the forecasts: {start}, error {errors[row]:.1%}", width=8, height=4.2)
    ahead = np.arange(true.shape[1])
    axes.fill_between(ahead, answers[LOWER][row], answers[UPPER][row], color=LIGHT, label="interval")
    axes.plot(np.arange(-len(before), 0), before, color=GREY, linewidth=1.5, label="known")
    axes.plot(ahead, true[row], color=GREEN, linewidth=2, label="what came")
    axes.plot(ahead, answers[FORECAST][row], color=BLUE, linewidth=2, label="forecast")
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set(xlabel="hours from the start", ylabel=f"{label.name} ({label.unit})" if label.unit else label.name)
    axes.xaxis.set_major_locator(MultipleLocator(24))
    axes.margins(y=0.15)
    axes.legend(loc="upper left", ncols=4, fontsize=9)
    return figure


def _contributions(found: Attributions, horizon: int) -> learning.Contributions:
    """Of the columns that move answers most: all of them are made of two features."""
    largest = np.sort(np.argsort(-np.abs(found.values).mean(axis=0))[:COLUMNS])
    names = [matrix.columns(horizon)[place] for place in largest]
    return learning.Contributions(names, found.values[:, largest], found.base, "share of the level")


def _errors(true: Numbers, answers: Answers) -> Numbers:
    found: Numbers = np.abs(answers[FORECAST] - true) / np.abs(true)
    return found
