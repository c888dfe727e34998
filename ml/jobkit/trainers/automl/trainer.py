"""Finds a trainer and its hyperparameters by cross-validation, and trains with what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ml.jobkit.errors import JobError
from ml.jobkit.trainers import judging
from ml.jobkit.trainers.automl.families import FAMILIES, Family
from ml.jobkit.trainers.base import Attributions, Report

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from ml.jobkit.tasks.base import Lesson
    from ml.jobkit.trainers.automl.settings import Settings
    from ml.jobkit.trainers.base import Trainer as Other

    Array = npt.NDArray[Any]


FINALISTS = 3
"""Of each family, judged again."""
SHUFFLES = 4
"""Other folds that finalists are judged by: what was best of many by one set of folds was lucky with it."""


@dataclass
class Candidate:
    """One trial: hyperparameters of one family, and what they are worth."""

    trial: int
    family: Family
    hyperparameters: Mapping[str, Any]
    out_of_fold: Array
    judged: list[dict[str, float]]
    """Mean figures of each set of folds."""

    @property
    def figures(self) -> dict[str, float]:
        """Means of all sets of folds."""
        return {name: float(np.mean([one[name] for one in self.judged])) for name in self.judged[0]}

    @property
    def row(self) -> dict[str, Any]:
        """Its row of the leaderboard."""
        return {
            "trial": self.trial,
            "trainer": self.family.name,
            **self.figures,
            "sets_of_folds": len(self.judged),
            "hyperparameters": dict(self.hyperparameters),
        }


class Trainer:
    """A search, and then the trainer that it found.

    Candidates are compared by cross-validation inside the lesson, and the best of each family again by other folds. The
    figures of the winner are still a little better than they will prove to be, because it was chosen by them; the
    holdout set has no part in it and tells the truth.
    """

    packages: ClassVar[tuple[str, ...]] = (
        "flaml",
        *dict.fromkeys(package for family in FAMILIES for package in family.packages),
    )

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.board: list[Candidate] = []
        """Every trial, the winner first."""

    def cross_validate(self, lesson: Lesson, report: Report) -> Array:
        """Searches; reports the best so far and each trial. Returns what the winner said."""
        searches = [family.search(self.settings.seed) for family in FAMILIES]
        name, sign = judging.LEADING[lesson.objective]

        def loss(candidate: Candidate) -> float:
            return -sign * candidate.figures[name]

        for trial in range(1, self.settings.trials + 1):
            search = searches[(trial - 1) % len(searches)]
            if (hyperparameters := search.suggest()) is None:
                continue
            found = self._trainer(search.family, hyperparameters).cross_validate(lesson, _silent)
            judged = [judging.of_folds(lesson, found)]
            self.board.append(Candidate(trial, search.family, hyperparameters, found, judged))
            search.told(loss(self.board[-1]))
            best = min(self.board, key=loss)
            report(trial, {f"cv_{name}": best.figures[name], f"trial_{name}": self.board[-1].figures[name]})
        self.board.sort(key=loss)
        finalists = self._judge_again(lesson)
        self.board = [*sorted(finalists, key=loss), *(one for one in self.board if one not in finalists)]
        return self.best.out_of_fold

    def _judge_again(self, lesson: Lesson) -> list[Candidate]:
        """The best of each family, with figures of other folds too, where there can be any."""
        if lesson.refold is None:
            return self.board[:1]
        finalists = [
            candidate
            for family in FAMILIES
            for candidate in [one for one in self.board if one.family is family][:FINALISTS]
        ]
        for shuffle in range(1, SHUFFLES + 1):
            other = replace(lesson, folds=lesson.refold(self.settings.seed + shuffle))
            for one in finalists:
                said = self._trainer(one.family, one.hyperparameters).cross_validate(other, _silent)
                one.judged.append(judging.of_folds(other, said))
        return finalists

    @property
    def best(self) -> Candidate:
        """What was found.

        Raises:
            JobError: nothing was searched yet.
        """
        if not self.board:
            raise JobError("AutoML has searched nothing: it needs folds to compare candidates by")
        return self.board[0]

    def fit(self, lesson: Lesson) -> Any:
        """Trains the best candidate on all rows; searches first where that was not done."""
        if not self.board:
            self.cross_validate(lesson, _silent)
        return self._found.fit(lesson)

    def predict(self, model: Any, matrix: npt.NDArray[np.float32]) -> Array:
        return self._found.predict(model, matrix)

    def core(self, model: Any, lesson: Lesson) -> onnx.ModelProto:
        return self._found.core(model, lesson)

    def attributions(self, model: Any, matrix: npt.NDArray[np.float32]) -> Attributions | None:
        return self._found.attributions(model, matrix)

    def record(self) -> Mapping[str, Any]:
        """The leaderboard, best first."""
        return {"leaderboard": [candidate.row for candidate in self.board]}

    @property
    def _found(self) -> Other:
        return self._trainer(self.best.family, self.best.hyperparameters)

    def _trainer(self, family: Family, hyperparameters: Mapping[str, Any]) -> Other:
        found: Other = family.trainer(family.settings(**hyperparameters, seed=self.settings.seed))
        return found


def _silent(step: int, figures: Mapping[str, float]) -> None:
    """Nobody watches a candidate's own steps."""
