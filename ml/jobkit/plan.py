"""What a job is to do for which system: kind of task, kind of trainer with its hyperparameters, and preparation.

In a job it stands in `job.json` beside the system's `features.yaml`, where the program wrote it; in a checkout, where
there is no such file, it is what `system.py` says.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.jobkit import features
from ml.jobkit.errors import JobError

FILE = "job.json"
SYSTEMS = Path(__file__).parents[1] / "systems"


@dataclass(frozen=True)
class Choice:
    """A kind, and its options by name."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What is trained and judged."""

    system: str
    task: Choice
    trainer: Choice
    files: tuple[str, ...]
    """The raw files, by name."""

    @property
    def folder(self) -> Path:
        """The system's own folder."""
        return SYSTEMS / self.system

    def specification(self) -> features.Specification:
        """What the system's `features.yaml` says."""
        return features.load(self.folder / features.FILE)

    def build_task(self, specification: features.Specification) -> Any:
        """The task, for the features that a specification has (`ml.jobkit.tasks.base.Task`)."""
        module = importlib.import_module(f"ml.jobkit.tasks.{self.task.kind}.task")
        return module.Task(specification, **self.task.options)

    def settings(self) -> type[Any]:
        """The class of the trainer's hyperparameters."""
        settings: type[Any] = importlib.import_module(f"ml.jobkit.trainers.{self.trainer.kind}.settings").Settings
        return settings

    def build_trainer(self, settings: Any) -> Any:
        """The trainer (`ml.jobkit.trainers.base.Trainer`)."""
        return importlib.import_module(f"ml.jobkit.trainers.{self.trainer.kind}.trainer").Trainer(settings)

    def prepare(self, specification: features.Specification, data: Path, *, strict: bool = True) -> Any:
        """The data as the system prepares it (`ml.jobkit.tasks.base.Prepared`); `strict` as in `frame.build`."""
        return importlib.import_module(f"ml.systems.{self.system}.prepare").prepare(specification, data, strict=strict)

    def modules(self, *, trainer: bool) -> list[str]:
        """The modules that are found by name, so that imports do not show them.

        Args:
            trainer: whether the job trains, or only judges what was trained.
        """
        kinds = self.specification().kinds
        return [
            f"ml.systems.{self.system}.prepare",
            f"ml.jobkit.tasks.{self.task.kind}.task",
            *(f"ml.jobkit.{part}.{kind}" for part in ("kinds", "encodings") for kind in kinds),
            *(
                [f"ml.jobkit.trainers.{self.trainer.kind}.{part}" for part in ("settings", "trainer")]
                if trainer
                else []
            ),
        ]

    def document(self) -> dict[str, Any]:
        """What `job.json` holds."""
        return {
            "task": {"kind": self.task.kind, "options": dict(self.task.options)},
            "trainer": {"kind": self.trainer.kind, "options": dict(self.trainer.options)},
            "files": list(self.files),
        }


def load(system: str) -> Plan:
    """The plan of a system.

    Raises:
        JobError: there is no such system, or its `job.json` is not what the program writes.
    """
    folder = SYSTEMS / system
    if not (folder / features.FILE).is_file():
        there = ", ".join(sorted(path.parent.name for path in SYSTEMS.glob(f"*/{features.FILE}")))
        raise JobError(f"--system {system}: there is no ml/systems/{system}/{features.FILE}; there are: {there}")
    path = folder / FILE
    if not path.is_file():
        described: Plan = importlib.import_module(f"ml.systems.{system}.system").SYSTEM.plan(system)
        return described
    try:
        return parse(system, json.loads(path.read_text()))
    except (ValueError, LookupError, TypeError) as error:
        raise JobError(f"{path} is not what the program writes ({error!r})") from None


def parse(system: str, document: Mapping[str, Any]) -> Plan:
    """A plan from what `document` gives."""
    return Plan(system, Choice(**document["task"]), Choice(**document["trainer"]), tuple(document["files"]))
