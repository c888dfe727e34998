from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ml.jobkit import features, splits

SPECIFICATION = features.load(Path("ml/systems/bike_buyer/features.yaml"))
ROW = ("Canada", "M", "F", 38, 60000.0, 2, 1, "Bachelors", "Manual", 1, 2, "10+ Miles")


def frame(ages: list[int]) -> pd.DataFrame:
    return pd.DataFrame([(*ROW[:3], age, *ROW[4:]) for age in ages], columns=SPECIFICATION.names)


def test_the_hash_never_changes() -> None:
    """Another value here moves trained rows into the holdout set: never correct this test, correct the code."""
    expected = "459d973d73ccded94d8aeb99b83c1b2fe0d6af9ffd02b947cf6296aa880a10b7"
    assert splits.row_digest(SPECIFICATION, ROW).hex() == expected


def test_equal_numbers_are_equal_rows() -> None:
    same = (*ROW[:3], np.int64(38), "60000.00", 2.0, True, *ROW[7:])
    assert splits.row_digest(SPECIFICATION, same) == splits.row_digest(SPECIFICATION, ROW)


def test_another_salt_is_another_split() -> None:
    salted = replace(SPECIFICATION, holdout=replace(splits.holdout(SPECIFICATION), salt="other"))
    assert splits.row_digest(salted, ROW) != splits.row_digest(SPECIFICATION, ROW)


def test_membership_depends_on_the_row_alone() -> None:
    rows = frame([*range(16, 121), *range(16, 121)])
    mask = splits.holdout_mask(SPECIFICATION, rows)
    assert (mask[:105] == mask[105:]).all()
    shuffled = rows.sample(frac=1, random_state=1)
    assert (splits.holdout_mask(SPECIFICATION, shuffled) == mask[shuffled.index]).all()


def test_the_share_of_distinct_rows_is_the_one_asked_for() -> None:
    rows = pd.concat([frame(list(range(16, 116))).assign(YearlyIncome=float(income)) for income in range(100)])
    share = splits.holdout_mask(SPECIFICATION, rows).mean()
    assert abs(share - splits.holdout(SPECIFICATION).share) < 0.012  # three standard deviations of 10,000 rows


def test_folds_keep_equal_rows_together_and_leave_none_out() -> None:
    groups = splits.groups(SPECIFICATION, frame([age for age in range(20, 70) for _ in range(age % 3 + 1)]))
    left_out: list[int] = []
    for training, validation in splits.grouped_folds(groups, 5, seed=3):
        assert set(groups[training]).isdisjoint(groups[validation])
        assert len(training) + len(validation) == len(groups)
        left_out.extend(validation)
    assert sorted(left_out) == list(range(len(groups)))
