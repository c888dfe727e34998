"""Pictures of a model, drawn by the module of `ml/jobkit/reports/` that is named like the task.

They are for people and in no job's identity, so a fault of theirs is said in the log and costs nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.jobkit.features import Specification
    from ml.jobkit.tasks.base import Answers, Examples
    from ml.jobkit.trainers.base import Attributions

EXPLAINED_ROWS = 200
"""Rows of the holdout set whose answers are explained: enough for a stable picture, few enough to take a second."""


@dataclass(frozen=True)
class Trained:
    """One trained model and what it says of its holdout set."""

    specification: Specification
    holdout: Examples
    answers: Answers
    attributions: Attributions | None
    """Of the first rows of the holdout set."""
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Live figures of the cross-validation, by name."""

    @property
    def subject(self) -> str:
        """What the pictures are of."""
        return f"holdout set ({len(self.holdout):,} rows)"


def module(kind: str) -> str:
    """The module that draws for a kind of task."""
    return f"ml.jobkit.reports.{kind}"


def training(kind: str, trained: Trained, folder: Path) -> None:
    """Pictures of one model."""
    _draw(kind, "training", folder, trained)


def comparison(kind: str, holdout: Examples, answers: Mapping[str, Answers], folder: Path) -> None:
    """Pictures of models beside each other."""
    _draw(kind, "comparison", folder, holdout, answers, f"holdout set ({len(holdout):,} rows)")


def _draw(kind: str, function: str, folder: Path, *given: Any) -> None:
    try:
        draw = getattr(importlib.import_module(module(kind)), function)
        drawing = importlib.import_module(module("drawing"))
    except ImportError as error:
        print(f"no pictures: {error}", flush=True)  # noqa: T201
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in draw(*given).items():
            drawing.save(figure, folder / f"{name}.png")
    except Exception as error:  # whatever a picture trips over, the model is not worse for it
        print(f"no pictures: {error!r}", flush=True)  # noqa: T201
