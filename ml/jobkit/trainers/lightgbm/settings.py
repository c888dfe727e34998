"""The hyperparameters of gradient boosting. They are part of a job's identity: another value trains another model."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from ml.jobkit.errors import JobError

RANGES: dict[str, tuple[float, float]] = {
    "rounds": (1, math.inf),
    "learning_rate": (math.ulp(0.0), math.inf),
    "num_leaves": (2, 131_072),
    "min_data_in_leaf": (0, math.inf),
    "feature_fraction": (math.ulp(0.0), 1),
    "lambda_l2": (0, math.inf),
}
"""Least and greatest value that LightGBM takes (its documentation, "Parameters"); `ulp(0)` stands for more than 0."""

LOSSES = {"squared": "regression", "absolute": "regression_l1"}
"""LightGBM's objective for numbers, by loss."""


@dataclass(frozen=True)
class Settings:
    """Settings of gradient boosting, named as in LightGBM's documentation."""

    rounds: int = 200
    """Number of trees. Fixed: nothing is stopped early, on any data."""
    learning_rate: float = 0.06
    num_leaves: int = 31
    min_data_in_leaf: int = 20
    feature_fraction: float = 0.8
    """Share of the columns that each tree may use."""
    lambda_l2: float = 0.0
    loss: str = "squared"
    """What is minimised for numbers: `squared`, which aims at the mean, or `absolute`, which aims at the median."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what LightGBM would refuse, before any data is read.

        Raises:
            JobError: a value is out of its range, or no number.
        """
        if self.loss not in LOSSES:
            raise JobError(f"loss is {self.loss!r}: write one of {', '.join(LOSSES)}")
        for name, (least, greatest) in RANGES.items():
            value = getattr(self, name)
            if not (least <= value <= greatest and math.isfinite(value)):
                raise JobError(f"{name} is {value}: write {_words(least, greatest)}")

    def parameters(self) -> dict[str, Any]:
        """For LightGBM. One thread and `deterministic`: the same data gives the same model, byte by byte.

        One thread is also the fastest safe choice: two threads on two busy cores were measured twenty times slower.
        """
        settings = asdict(self)
        del settings["rounds"], settings["loss"]
        return settings | {"num_threads": 1, "deterministic": True, "force_row_wise": True, "verbose": -1}


def _words(least: float, greatest: float) -> str:
    bounds = ["more than 0" if least == math.ulp(0.0) else f"at least {least}"]
    return " and ".join([*bounds, *([f"at most {greatest}"] if math.isfinite(greatest) else [])])
