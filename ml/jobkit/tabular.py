"""What all tasks have in common whose requests are rows of a table: one row of the matrix a request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ml.jobkit import frame, onnx_export, splits
from ml.jobkit.tasks.base import Constants, Examples, Lesson, Objective, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import onnx
    import pandas as pd

    from ml.jobkit.features import Specification
    from ml.jobkit.tasks.base import Fold, Prepared

    Array = npt.NDArray[Any]


class Rows:
    """A task whose requests are rows: what does not depend on the kind of label."""

    objective: Objective
    classes: Sequence[str] = ("no", "yes")

    def __init__(self, specification: Specification) -> None:
        self.specification = specification

    def requests(self, prepared: Prepared) -> pd.DataFrame:
        """One row a request."""
        return prepared.features

    def matrix(self, requests: pd.DataFrame) -> npt.NDArray[np.float32]:
        """One row a request."""
        return frame.encode(self.specification, requests)

    def lesson(self, training: Examples, folds: int, seed: int) -> Lesson:
        """Grouped folds: equal rows stay together."""

        def shuffled(seed: int) -> list[Fold]:
            groups = splits.groups(self.specification, training.requests)
            return list(splits.grouped_folds(groups, folds, seed))

        return Lesson(
            matrix=self.matrix(training.requests),
            target=training.labels,
            folds=shuffled(seed),
            objective=self.objective,
            columns=columns(self.specification),
            refold=shuffled,
            classes=len(self.classes),
        )

    def calibrate(self, lesson: Lesson, out_of_fold: Array) -> Constants:
        """Nothing beside the model."""
        return {}


def split(specification: Specification, prepared: Prepared, labels: Array) -> Split:
    """By the hash of the row, or of one feature of it."""
    held_out = splits.holdout_mask(specification, prepared.features)
    return Split(
        Examples(prepared.features[~held_out], labels[~held_out]),
        Examples(prepared.features[held_out], labels[held_out]),
    )


def columns(specification: Specification) -> list[str]:
    """Names of the matrix's columns."""
    return [name if part is None else f"{name}={part}" for name, part in specification.encoded_columns]


def digest(specification: Specification, examples: Examples, written: list[bytes]) -> str:
    """sha256 of rows and labels in whatever order they come; `written` are the labels."""
    rows = examples.requests[specification.names].itertuples(index=False, name=None)
    lines = sorted(splits.row_digest(specification, row) + label for row, label in zip(rows, written, strict=True))
    return hashlib.sha256(b"".join(lines)).hexdigest()


def graph(specification: Specification, core: onnx.ModelProto, answer: onnx.ModelProto) -> onnx.ModelProto:
    """Preprocessing, the model, then the members of a result."""
    return onnx_export.merged(specification, onnx_export.preprocessing(specification), core, answer)
