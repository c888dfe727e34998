"""Which rows are held out, and folds that keep identical rows together.

Membership depends on the feature row alone, hashed with the salt of `features.yaml`: it is the same in every data
version, so no model is ever trained on a row that another is judged by, and identical rows fall on one side.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import pandas as pd

    from ml.jobkit.features import Specification


def row_digest(specification: Specification, values: Sequence[Any]) -> bytes:
    """sha256 of the salt and a feature row, whose values stand in the order of `features.yaml`.

    Hashed is the compact JSON of [salt, [name, value], ...]; a number is written with at most nine
    significant digits, so 60000, 60000.0 and "60000.00" are the same.
    """
    fields = [
        [feature.name, value if feature.type == "category" else f"{float(value):.9g}"]
        for feature, value in zip(specification.features, values, strict=True)
    ]
    text = json.dumps([specification.holdout.salt, *fields], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def is_holdout(specification: Specification, values: Sequence[Any]) -> bool:
    """Whether a feature row belongs to the holdout set."""
    position = int.from_bytes(row_digest(specification, values)[:8], "big") / 2**64
    return position < specification.holdout.share


def holdout_mask(specification: Specification, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """`is_holdout` for each row of a frame."""
    rows = frame[specification.names].itertuples(index=False, name=None)
    return np.fromiter((is_holdout(specification, row) for row in rows), dtype=np.bool_, count=len(frame))


def groups(specification: Specification, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """A number per row; rows have the same number exactly when all their features are equal."""
    numbers = frame.groupby(specification.names, sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64)


def grouped_folds(
    group_of_row: npt.NDArray[np.int64], count: int, seed: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """(training rows, validation rows) of each fold as positions. No group is on both sides of a fold."""
    distinct = np.unique(group_of_row)
    fold_of_group = np.random.default_rng(seed).permutation(len(distinct)) % count
    fold_of_row = fold_of_group[np.searchsorted(distinct, group_of_row)]
    for fold in range(count):
        yield np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold)
