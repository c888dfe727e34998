"""What a trainer does inside a job. It sees a matrix and a target, and knows nothing of the task they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnx

    from ml.jobkit.tasks.base import Array, Lesson

Report = Callable[[int, Mapping[str, float]], None]
"""Takes live figures at a step, while they come."""


@dataclass(frozen=True)
class Attributions:
    """What each column of the matrix contributed to each answer. For each row, `base` plus the sum of its `values` is
    the model's answer on the scale that `scale` names.
    """

    values: npt.NDArray[np.float64]
    """Shape (rows, columns)."""
    base: float
    scale: str


class Trainer(Protocol):
    """One kind of trainer with its hyperparameters."""

    packages: ClassVar[Sequence[str]]
    """Whose versions the provenance states."""

    def cross_validate(self, lesson: Lesson, report: Report) -> Array:
        """What models that did not see a row say of it: like `predict`, for every row that a fold leaves out, else
        not-a-number. Live figures are reported as `cv_<name>`.
        """

    def fit(self, lesson: Lesson) -> Any:
        """A model of all rows, ready to be exported: it predicts what its graph predicts."""

    def predict(self, model: Any, matrix: npt.NDArray[np.float32]) -> Array:
        """Shape (rows,): the probability of 1, or the number; shape (rows, classes): the probability of each class."""

    def core(self, model: Any, lesson: Lesson) -> onnx.ModelProto:
        """The model as a graph: the input `features`, shape (rows, columns), and one output: shape (rows, classes) of
        probabilities, two for yes and no; or (rows, 1) of numbers.
        """

    def attributions(self, model: Any, matrix: npt.NDArray[np.float32]) -> Attributions | None:
        """What moved the answers; None where the trainer cannot say it."""

    def record(self) -> Mapping[str, Any]:
        """What was found while training that a person may want to see, such as a leaderboard; written as JSON."""
