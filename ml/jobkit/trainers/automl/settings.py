"""How long is searched. The found model's own hyperparameters are an outcome, written beside it."""

from __future__ import annotations

from dataclasses import dataclass

from ml.jobkit.errors import JobError


@dataclass(frozen=True)
class Settings:
    """Settings of a search. It ends after a number of trials and not of seconds: the same data gives the same model,
    however busy the machine.
    """

    trials: int = 40
    """Candidates in all; the families take turns."""
    seed: int = 0
    """Of the search, of the folds and of every candidate."""

    def __post_init__(self) -> None:
        """Refuses a search for nothing.

        Raises:
            JobError: there are no trials.
        """
        if self.trials < 1:
            raise JobError(f"trials is {self.trials}: write at least 1")
