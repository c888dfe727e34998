"""How sure a difference between two models is: both are scored again on the same resampled rows of the holdout set.

Paired, because the two answer the same rows: what a hard row costs both is no difference. Stratified, so that every
resample has as many rows of each stratum as the holdout set (Efron and Tibshirani 1993, chapters 6 and 13).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.tasks.base import Scorer

    Counts = npt.NDArray[np.float64]
    """Entry [i, j]: how often row j is in resample i."""
    Figures = npt.NDArray[np.float64]

SEED, LEVEL = 1, 0.95
MOST, LEAST, DRAWN = 1000, 200, 20_000_000
"""Resamples: as many as draw that many rows in all, within bounds; of a large holdout set fewer do."""
CELLS = 500_000
"""Entries of `Counts` that are held at a time: 4 MB, so that they stay near the processor."""


def intervals(
    strata: npt.NDArray[Any], challenger: Iterable[Scorer], champion: Iterable[Scorer]
) -> dict[str, dict[str, float]]:
    """`low` and `high` of what the challenger has more than the champion, by figure: the same for the same rows.

    Args:
        strata: a number per row of the holdout set.
        challenger: the figures of its answers; the champion's are in the same order.
    """
    pairs = list(zip(challenger, champion, strict=True))
    found: dict[str, list[Figures]] = {}
    for counts in resamples(strata):
        for one, other in pairs:
            ours, theirs = one(counts), other(counts)
            for name in ours:
                found.setdefault(name, []).append(ours[name] - theirs[name])
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    return {
        name: dict(zip(("low", "high"), map(float, np.quantile(np.concatenate(parts), tails)), strict=True))
        for name, parts in found.items()
    }


def resamples(labels: npt.NDArray[Any]) -> Iterator[Counts]:
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
