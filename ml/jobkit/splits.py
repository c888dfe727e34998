"""Which rows are held out, and folds that keep identical rows together.

Membership depends on the feature row alone (or on one feature of it, where `holdout: group` names one), hashed with the
salt of `features.yaml`: it is the same in every data version, so no model is ever trained on a row that another is
judged by, and identical rows fall on one side.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import pandas as pd

    from ml.jobkit.features import Holdout, Specification


def row_digest(specification: Specification, values: Sequence[Any]) -> bytes:
    """sha256 of the salt and a feature row, whose values stand in the order of `features.yaml`.

    Hashed is the compact JSON of [salt, [name, value], ...].
    """
    fields = [
        [feature.name, feature.text(value)] for feature, value in zip(specification.features, values, strict=True)
    ]
    return _hashed(specification, fields)


def is_holdout(specification: Specification, values: Sequence[Any]) -> bool:
    """Whether a feature row belongs to the holdout set."""
    group = holdout(specification).group
    if not group:
        digest = row_digest(specification, values)
    else:
        index = specification.names.index(group)
        digest = _hashed(specification, [[group, specification.features[index].text(values[index])]])
    return int.from_bytes(digest[:8], "big") / 2**64 < holdout(specification).share


def holdout(specification: Specification) -> Holdout:
    """Which rows are held out.

    Raises:
        JobError: `features.yaml` does not say it.
    """
    if specification.holdout is None:
        raise JobError("features.yaml: holdout is missing; add `holdout: {salt: …, share: 0.2}`")
    return specification.holdout


def holdout_mask(specification: Specification, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """`is_holdout` for each row of a frame."""
    rows = frame[specification.names].itertuples(index=False, name=None)
    return np.fromiter((is_holdout(specification, row) for row in rows), dtype=np.bool_, count=len(frame))


def groups(specification: Specification, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """A number per row; rows have the same number exactly when they must stay together: when all their features are
    equal, or the feature that `holdout: group` names.
    """
    group = specification.holdout.group if specification.holdout else ""
    numbers = frame.groupby([group] if group else specification.names, sort=False).ngroup()
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


def _hashed(specification: Specification, fields: list[list[str]]) -> bytes:
    text = json.dumps([holdout(specification).salt, *fields], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()
