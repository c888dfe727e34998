"""Scores finished models on the holdout set. Only their files are read, so what is judged is what will answer.

Writes `evaluation.json`: `{"holdout": {"rows", "positives", "digest"}, "data", "features", "challenger", "champion",
"differences"}`. Each model has `sha256` of its `model.onnx`, `features` (digest of the `features.yaml` it was trained
with), `golden` (golden requests it answered) and `metrics`; `champion` is null when there is none. `differences` has,
by metric, what the challenger has more than the champion, with its 95 % interval: `{"difference", "low", "high"}`.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.jobkit import bootstrap, comparison_plot, metrics, onnx_export, plots, splits
from ml.jobkit.errors import JobError
from ml.jobkit.features import FILE as FEATURES
from ml.jobkit.features import load
from ml.jobkit.provenance import sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ml.jobkit.features import Specification
    from ml.jobkit.tracking import Tracker

CHALLENGER, CHAMPION = "challenger", "champion"
MODEL, GOLDEN, RESULT = "model.onnx", "golden.json", "evaluation.json"
TEXT = "tensor(string)"


@dataclass(frozen=True)
class Holdout:
    """The rows that no model was trained on; entry i of `labels` (0 or 1) belongs to row i of `features`. The index of
    `features` identifies a row of the data.
    """

    features: pd.DataFrame
    labels: npt.NDArray[np.int64]
    digest: str
    """sha256 of all rows with their labels, in whatever order they come."""

    @property
    def summary(self) -> dict[str, Any]:
        return {"rows": len(self.labels), "positives": int(self.labels.sum()), "digest": self.digest}


def holdout(specification: Specification, features: pd.DataFrame, labels: pd.Series) -> Holdout:
    """The holdout set of a table.

    Raises:
        JobError: it lacks one of the two labels, so nothing can be measured.
    """
    mask = splits.holdout_mask(specification, features)
    rows, held = features[mask], labels.to_numpy(dtype=np.int64)[mask]
    if len(np.unique(held)) < 2:
        raise JobError(
            f"the holdout set has {len(held)} rows, {held.sum()} of them with {specification.label.name} = 1; "
            "it needs both labels: give more rows"
        )
    named = rows[specification.names].itertuples(index=False, name=None)
    lines = sorted(
        splits.row_digest(specification, row) + bytes([label]) for row, label in zip(named, held, strict=True)
    )
    return Holdout(rows, held, hashlib.sha256(b"".join(lines)).hexdigest())


class Candidate:
    """A model to judge: its file and the `features.yaml` it was trained with. `role` is `challenger` or `champion`.

    Raises:
        JobError: a file is missing or cannot be used, or the two do not belong together.
    """

    def __init__(self, role: str, folder: Path) -> None:
        self.role = role
        self.folder = folder
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

    def answer(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Probability of 1 for each row of a frame of the model's own features.

        Raises:
            JobError: it asks for other features, or answers with something that is no probability.
        """
        answered = self.running.run(["probability"], {name: self._input(name, frame) for name in self.inputs})[0]
        found = np.asarray(answered, dtype=np.float64).reshape(-1)
        wrong = ~((found >= 0) & (found <= 1))
        if len(found) != len(frame) or wrong.any():
            raise JobError(
                f"the {self.role} gives no probability on {int(wrong.sum())} of {len(frame)} rows, "
                f"such as {found[wrong][:1].tolist()}"
            )
        return found

    def _input(self, name: str, frame: pd.DataFrame) -> npt.NDArray[Any]:
        if name not in frame:
            raise JobError(
                f"the {self.role} asks for the feature {name}, which its {FEATURES} does not have; it has "
                f"{', '.join(map(str, frame.columns))}"
            )
        text, wanted = not pd.api.types.is_numeric_dtype(frame[name]), self.inputs[name] == TEXT
        if text != wanted:
            kinds = {True: "a category", False: "a number"}
            raise JobError(f"the {self.role} takes {name} as {kinds[wanted]}, its {FEATURES} says it is {kinds[text]}")
        values: npt.NDArray[Any] = frame[name].to_numpy(dtype=object if wanted else np.float32)
        return values.reshape(-1, 1)

    def check_golden(self) -> int:
        """Asks the model its own golden requests again. Returns how many there are.

        Raises:
            JobError: there are none, or an answer is another one than the framework gave in the training.
        """
        cases = _golden_cases(self.role, self.folder / GOLDEN)
        expected = np.array([case["probability"] for case in cases], dtype=np.float64)
        difference = np.abs(self.answer(pd.DataFrame([case["request"] for case in cases])) - expected)
        worst = int(difference.argmax())
        if not difference[worst] <= onnx_export.TOLERANCE:
            raise JobError(
                f"the {self.role} answers golden request {worst} with a difference of {difference[worst]:.2g} "
                f"(allowed {onnx_export.TOLERANCE:g}): {MODEL} and {GOLDEN} do not belong together"
            )
        return len(cases)


def compare(
    specification: Specification,
    held_out: Holdout,
    rows: Callable[[Specification], pd.DataFrame],
    challenger: Path,
    champion: Path | None,
    output: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Judges one or two models and writes `evaluation.json` and a picture into `output`. Returns what it wrote.

    Each model sees the holdout set by the features it was trained with: a champion stays comparable when features come,
    go or change.

    Args:
        rows: all rows of the data by the features of a model, with the same index as `held_out.features`.

    Raises:
        JobError: a model cannot be judged; then there is no result at all.
    """
    _say(f"{specification.system}: {len(held_out.labels):,} rows held out, {held_out.labels.mean():.1%} with label 1")
    folders = {CHALLENGER: challenger, CHAMPION: champion}
    candidates = [Candidate(role, folder) for role, folder in folders.items() if folder is not None]
    answers = {one.role: one.answer(_seen(one.specification, specification, held_out, rows)) for one in candidates}
    document: dict[str, Any] = {
        "holdout": held_out.summary,
        "data": os.environ.get("MLOPS_DATA_DIGEST"),
        "features": specification.digest,
        CHAMPION: None,
        "differences": {},
    }
    for candidate in candidates:
        document[candidate.role] = _judged(candidate, held_out, answers[candidate.role])
        figures = document[candidate.role]["metrics"]
        tracker.metrics({f"{candidate.role}_{name}": value for name, value in figures.items()})
        _say(f"{candidate.role}: auc {figures['auc']:.4f}, accuracy {figures['accuracy']:.4f}")
    if champion is not None:
        document["differences"] = found = _differences(document, held_out, answers)
        tracker.metrics({f"{part}_{name}": value for name, one in found.items() for part, value in one.items()})
        for name in ("auc", "accuracy"):
            one = found[name]
            _say(f"{name} {one['difference']:+.4f}, 95 % interval {one['low']:+.4f} .. {one['high']:+.4f}")
    output.mkdir(parents=True, exist_ok=True)
    subject = f"holdout set ({len(held_out.labels):,} rows)"
    plots.save(comparison_plot.roc(held_out.labels, answers, subject), output / "roc.png")
    (output / RESULT).write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    tracker.artifacts(output)
    return document


def _seen(
    own: Specification, current: Specification, held_out: Holdout, rows: Callable[[Specification], pd.DataFrame]
) -> pd.DataFrame:
    """The holdout set by a model's own features."""
    if own.digest == current.digest:
        return held_out.features
    return rows(own).loc[held_out.features.index]


def _judged(candidate: Candidate, held_out: Holdout, answers: npt.NDArray[np.float64]) -> dict[str, Any]:
    return {
        "sha256": candidate.sha256,
        "features": candidate.specification.digest,
        "golden": candidate.check_golden(),
        "metrics": metrics.binary(held_out.labels, answers),
    }


def _differences(
    document: dict[str, Any], held_out: Holdout, answers: dict[str, npt.NDArray[np.float64]]
) -> dict[str, dict[str, float]]:
    """What the challenger has more than the champion, with the interval of each."""
    intervals = bootstrap.intervals(held_out.labels, answers[CHALLENGER], answers[CHAMPION])
    ours, theirs = (document[role]["metrics"] for role in (CHALLENGER, CHAMPION))
    return {name: {"difference": ours[name] - theirs[name], **interval} for name, interval in intervals.items()}


def _golden_cases(role: str, path: Path) -> list[dict[str, Any]]:
    try:
        cases: list[dict[str, Any]] = json.loads(path.read_text())["cases"]
    except (OSError, ValueError, LookupError, TypeError):
        cases = []
    if not cases:
        raise JobError(f"the {role} has no golden requests in {path.name}; train it again")
    return cases


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201
