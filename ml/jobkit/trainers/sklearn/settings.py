"""The hyperparameters of a linear model. They are part of a job's identity: another value trains another model."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ml.jobkit.errors import JobError

SHAPES = ("linear", "log")


@dataclass(frozen=True)
class Settings:
    """Settings of a linear model on standardised columns."""

    penalty: float = 1.0
    """How strongly weights are held small: `alpha` of ridge regression, 1 / `C` of logistic regression."""
    shape: str = "linear"
    """What a column is before it is standardised: itself, or with `log` sign(x) log(1 + |x|), for columns in which a
    step counts less the larger they are, such as an income.
    """
    seed: int = 0
    """Shuffles the folds; the fit itself draws nothing."""

    def __post_init__(self) -> None:
        """Refuses what cannot be fitted, before any data is read.

        Raises:
            JobError: a value is out of its range.
        """
        if not (self.penalty > 0 and math.isfinite(self.penalty)):
            raise JobError(f"penalty is {self.penalty}: write a number above 0")
        if self.shape not in SHAPES:
            raise JobError(f"shape is {self.shape!r}: write one of {', '.join(SHAPES)}")
