"""A finished model as its files say it: what it takes, what it answers, and whether its golden requests still hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.jobkit import encoding, golden, onnx_export
from ml.jobkit.errors import JobError
from ml.jobkit.features import FILE as FEATURES
from ml.jobkit.features import load
from ml.jobkit.provenance import sha256
from ml.jobkit.tasks import contract

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.tasks.base import Answers, Task

MODEL = "model.onnx"
TEXT = "tensor(string)"


class Candidate:
    """A model to judge: its file and the `features.yaml` it was trained with. `role` is `challenger` or `champion`.

    Raises:
        JobError: a file is missing or cannot be used, or the two do not belong together.
    """

    def __init__(self, role: str, folder: Path, task: Task) -> None:
        self.role = role
        self.folder = folder
        self.task = task
        for name in (MODEL, FEATURES):
            if not (folder / name).is_file():
                raise JobError(f"the {role} has no {name}: {folder} is not what the training job wrote")
        path = folder / MODEL
        self.sha256 = sha256(path)
        try:
            self.running = onnx_export.session(path)
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise JobError(f"the {role}'s {MODEL} (sha256 {self.sha256}) cannot be loaded: {error}") from None
        self.inputs: dict[str, str] = {one.name: one.type for one in self.running.get_inputs()}
        self.specification = load(folder / FEATURES)
        stated = self.running.get_modelmeta().custom_metadata_map.get("features_sha256")
        if stated != self.specification.digest:
            raise JobError(
                f"the {role}'s {MODEL} was trained with another {FEATURES} (digest {stated}) than the one beside it "
                f"(digest {self.specification.digest}): both must come from one training job"
            )
        self.contract = contract.read(folder, task.contract)
        if self.contract.kind != task.contract.kind:
            raise JobError(
                f"the {role} is a {self.contract.kind} model and the system's task is {task.contract.kind}: they "
                "cannot be compared; give the system another name"
            )

    def answer(self, frame: pd.DataFrame) -> Answers:
        """The results to the rows of a frame of the model's own features, by member.

        Raises:
            JobError: it asks for other features, or answers with something that the task cannot mean.
        """
        members = self.contract.golden
        fed = {name: self._input(name, frame) for name in self.inputs}
        found = dict(zip(members, map(np.asarray, self.running.run(list(members), fed)), strict=True))
        if problem := self.task.checked(found, len(frame)):
            raise JobError(f"the {self.role} {problem}")
        return found

    def _input(self, name: str, frame: pd.DataFrame) -> npt.NDArray[Any]:
        if name not in frame:
            raise JobError(
                f"the {self.role} asks for the feature {name}, which its {FEATURES} does not have; it has "
                f"{', '.join(map(str, frame.columns))}"
            )
        feature = self.specification.feature(name)
        if feature.is_text != (self.inputs[name] == TEXT):
            kinds = {True: "a category", False: "a number"}
            said = kinds[feature.is_text]
            raise JobError(
                f"the {self.role} takes {name} as {kinds[not feature.is_text]}, its {FEATURES} says it is {said}"
            )
        return encoding.of(feature).tensor(feature, frame[name])

    def check_golden(self) -> int:
        """Asks the model its own golden requests again. Returns how many there are.

        Raises:
            JobError: there are none, or an answer is another one than the framework gave in the training.
        """
        try:
            cases = golden.read(self.folder / golden.FILE)
        except JobError as error:
            raise JobError(f"the {self.role} has {error}") from None
        answers = self.answer(pd.DataFrame([case["request"] for case in cases]))
        for member in self.contract.golden:
            expected = np.array([case[member] for case in cases], dtype=np.float64).reshape(len(cases), -1)
            difference = np.abs(np.asarray(answers[member], dtype=np.float64).reshape(len(cases), -1) - expected)
            excess = (difference - self.contract.relative * np.abs(expected)).max(axis=1)
            worst = int(excess.argmax())
            if not excess[worst] <= self.contract.absolute:
                raise JobError(
                    f"the {self.role} answers golden request {worst} with a difference of "
                    f"{difference[worst].max():.2g} in {member} (allowed {self.contract.absolute:g}): {MODEL} and "
                    f"{golden.FILE} do not belong together"
                )
        return len(cases)
