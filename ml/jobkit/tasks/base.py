"""What a kind of task does inside a job. The generic entries `ml.jobkit.train` and `ml.jobkit.evaluate` call it;
trainers see a `Lesson` and nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from ml.jobkit.tasks.contract import Contract

Array = npt.NDArray[Any]
Answers = dict[str, Array]
"""Members of the results by name, each of the shape (requests,) or (requests, values)."""
Constants = Mapping[str, Array]
"""What a task has learnt beside the model; it goes into the graph."""
Objective = Literal["binary", "multiclass", "regression"]
Fold = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Positions of the rows to train on, and of those left out."""
Scorer = Callable[[npt.NDArray[np.float64]], dict[str, npt.NDArray[np.float64]]]
"""Figures of resampled rows: entry [i, j] of its argument says how often row j is in resample i."""


class Quality(Protocol):
    """What was found while the data was prepared; a dataclass of numbers."""

    def lines(self) -> Sequence[str]:
        """For the job's log: the size, and one line for each thing that is not as it should be."""


@dataclass(frozen=True)
class Prepared:
    """The data of a system as `prepare.py` reads it: row i of `features` belongs to entry i of `labels`. Both have the
    same index, which identifies a row of the data.
    """

    features: pd.DataFrame
    labels: pd.Series
    quality: Quality


@dataclass(frozen=True)
class Examples:
    """Requests with their true answers."""

    requests: pd.DataFrame
    """One row a request, one column a feature."""
    labels: Array
    """Shape (requests,) or (requests, values)."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Split:
    """What is trained on, and what is held out for good."""

    training: Examples
    holdout: Examples


@dataclass(frozen=True)
class Lesson:
    """What a trainer learns from: a matrix and a target, whatever the task made of its data."""

    matrix: npt.NDArray[np.float32]
    target: Array
    """Shape (rows,): 0 and 1, the number of the class, or a number."""
    folds: Sequence[Fold]
    """For cross-validation."""
    objective: Objective
    columns: Sequence[str]
    """Names of the matrix's columns."""
    classes: int = 2
    refold: Callable[[int], Sequence[Fold]] | None = None
    """Other folds, by a seed; None where rows cannot be shuffled."""

    def part(self, rows: Array) -> Lesson:
        """Some of the rows, without folds."""
        return Lesson(self.matrix[rows], self.target[rows], (), self.objective, self.columns, self.classes)


class Task(Protocol):
    """One kind of task for one system."""

    contract: Contract

    def requests(self, prepared: Prepared) -> pd.DataFrame:
        """Every request of the data, held out or not, by the features of the task's specification."""

    def split(self, prepared: Prepared) -> Split:
        """What is trained on and what is held out.

        Raises:
            JobError: one of them cannot be used, such as for lack of a class.
        """

    def lesson(self, training: Examples, folds: int, seed: int) -> Lesson:
        """What the trainer is to learn."""

    def matrix(self, requests: pd.DataFrame) -> npt.NDArray[np.float32]:
        """What the model sees of requests."""

    def fold_figures(self, target: Array, raw: Array) -> dict[str, float]:
        """The few figures that cross-validation is told by."""

    def calibrate(self, lesson: Lesson, out_of_fold: Array) -> Constants:
        """What else is learnt from answers to rows that the answering model did not see; mostly nothing."""

    def answers(self, requests: pd.DataFrame, raw: Array, constants: Constants) -> Answers:
        """The results to requests, from what the trained model says of their matrix (`raw`)."""

    def checked(self, answers: Answers, requests: int) -> str:
        """Why the answers of a graph cannot be any of this task's; empty when they can."""

    def figures(self, examples: Examples, answers: Answers) -> dict[str, float]:
        """Every figure of the contract."""

    def scorers(self, examples: Examples, answers: Answers) -> Iterable[Scorer]:
        """The figures that can be resampled."""

    def strata(self, examples: Examples) -> Array:
        """A number per request: resamples have as many of each number as the holdout set."""

    def digest(self, examples: Examples) -> str:
        """sha256 of requests and labels, in whatever order they come."""

    def summary(self, examples: Examples) -> dict[str, Any]:
        """What a holdout set is, in numbers."""

    def golden(self, examples: Examples, answers: Answers) -> pd.DataFrame:
        """Requests to ask again, whatever serves the model."""

    def graph(self, core: onnx.ModelProto, constants: Constants) -> onnx.ModelProto:
        """The whole graph, from the fields of a request to the members of a result.

        Args:
            core: the trained model. Its input is the matrix; its output, of one number a row, or one a row and class.
        """
