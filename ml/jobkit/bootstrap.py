"""How sure a difference between two models is: both are scored again on the same resampled rows of the holdout set.

Paired, because the two answer the same rows: what a hard row costs both is no difference. Stratified, so that every
resample has as many rows of each label as the holdout set (Efron and Tibshirani 1993, chapters 6 and 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.metrics import Labels, Probabilities

    Counts = npt.NDArray[np.float64]
    """Entry [i, j]: how often row j is in resample i."""
    Figures = npt.NDArray[np.float64]

from ml.jobkit.metrics import THRESHOLD

SEED, LEVEL = 1, 0.95
MOST, LEAST, DRAWN = 1000, 200, 20_000_000
"""Resamples: as many as draw that many rows in all, within bounds; of a large holdout set fewer do."""
CELLS = 500_000
"""Entries of `Counts` that are held at a time: 4 MB, so that they stay near the processor."""


def intervals(labels: Labels, challenger: Probabilities, champion: Probabilities) -> dict[str, dict[str, float]]:
    """`low` and `high` of what the challenger has more than the champion, by metric: the same for the same rows."""
    found = {name: np.concatenate(parts) for name, parts in _resampled(labels, challenger, champion).items()}
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    return {
        name: dict(zip(("low", "high"), map(float, np.quantile(values, tails)), strict=True))
        for name, values in found.items()
    }


def _resampled(labels: Labels, challenger: Probabilities, champion: Probabilities) -> dict[str, list[Figures]]:
    scorers = [scorer(labels, answers) for scorer in SCORERS for answers in (challenger, champion)]
    found: dict[str, list[Figures]] = {}
    for counts in resamples(labels):
        for one, other in zip(scorers[::2], scorers[1::2], strict=True):
            ours, theirs = one(counts), other(counts)
            for name in ours:
                found.setdefault(name, []).append(ours[name] - theirs[name])
    return found


def resamples(labels: Labels) -> Iterator[Counts]:
    """All resamples, some at a time."""
    random, rows = np.random.default_rng(SEED), len(labels)
    strata = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    left = max(LEAST, min(MOST, DRAWN // rows))
    while left:
        size = min(left, max(1, CELLS // rows))
        drawn = np.concatenate([random.choice(stratum, (size, len(stratum))) for stratum in strata], axis=1)
        drawn += np.arange(size)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)
        left -= size


Scorer = Callable[["Counts"], dict[str, "Figures"]]


def means(labels: Labels, probabilities: Probabilities) -> Scorer:
    """Metrics that are a mean over rows, or a quotient of two."""
    predicted, clipped = probabilities > THRESHOLD, np.clip(probabilities, np.finfo(float).eps, 1 - np.finfo(float).eps)
    right = (predicted == labels).astype(np.float64)
    hits = (predicted & (labels == 1)).astype(np.float64)
    surprise = -np.log(np.where(labels == 1, clipped, 1 - clipped))
    square = (probabilities - labels) ** 2

    def score(counts: Counts) -> dict[str, Figures]:
        rows, found = len(labels), counts @ hits
        return {
            "accuracy": counts @ right / rows,
            "precision": found / np.maximum(counts @ predicted.astype(np.float64), 1),
            "recall": found / (counts @ (labels == 1).astype(np.float64)),
            "log_loss": counts @ surprise / rows,
            "brier": counts @ square / rows,
        }

    return score


def ranks(labels: Labels, probabilities: Probabilities) -> Scorer:
    """Metrics of the order of the rows; rows of one probability count together."""
    order = np.argsort(-probabilities, kind="stable")
    first = np.flatnonzero(np.diff(probabilities[order], prepend=np.inf))
    positive = (labels == 1)[order].astype(np.float64)

    def score(counts: Counts) -> dict[str, Figures]:
        ordered = counts[:, order]
        hits = np.add.reduceat(ordered * positive, first, axis=1)
        misses = np.add.reduceat(ordered * (1 - positive), first, axis=1)
        hits_so_far, misses_so_far = np.cumsum(hits, axis=1), np.cumsum(misses, axis=1)
        positives, negatives = hits_so_far[:, -1], misses_so_far[:, -1]
        in_order = ((hits_so_far - hits / 2) * misses).sum(axis=1)
        precision = hits_so_far / np.maximum(hits_so_far + misses_so_far, 1)
        return {
            "auc": in_order / (positives * negatives),
            "average_precision": (precision * hits).sum(axis=1) / positives,
        }

    return score


SCORERS = (means, ranks)
