"""Scores finished models on the holdout set. Only their files are read, so what is judged is what will answer.

Writes `evaluation.json`: `{"task", "better", "shown", "holdout", "data", "features", "challenger", "champion",
"differences"}`. `better` says of each figure whether higher or lower is better. Each model has `sha256` of its
`model.onnx`, `features` (digest of the `features.yaml` it was trained with), `golden` (golden requests it answered) and
`metrics`; `champion` is null when there is none. `differences` has, by metric, what the challenger has more than the
champion, with its 95 % interval: `{"difference", "low", "high"}`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from ml.jobkit import bootstrap, report
from ml.jobkit.candidate import Candidate
from ml.jobkit.tasks.base import Examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from ml.jobkit.features import Specification
    from ml.jobkit.tasks.base import Answers, Task
    from ml.jobkit.tracking import Tracker

CHALLENGER, CHAMPION = "challenger", "champion"
RESULT = "evaluation.json"


def compare(
    task: Task,
    specification: Specification,
    held_out: Examples,
    rows: Callable[[Specification], pd.DataFrame],
    challenger: Path,
    champion: Path | None,
    output: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Judges one or two models and writes `evaluation.json` and pictures into `output`. Returns what it wrote.

    Each model sees the holdout set by the features it was trained with: a champion stays comparable when features come,
    go or change.

    Args:
        rows: all rows of the data by the features of a model, with the same index as `held_out.requests`.

    Raises:
        JobError: a model cannot be judged; then there is no result at all.
    """
    contract = task.contract
    _say(f"{specification.system}: {len(held_out):,} held out")
    folders = {CHALLENGER: challenger, CHAMPION: champion}
    candidates = [Candidate(role, folder, task) for role, folder in folders.items() if folder is not None]
    answers = {one.role: one.answer(seen(one, specification, held_out, rows)) for one in candidates}
    document: dict[str, Any] = {
        "task": contract.kind,
        "better": contract.directions,
        "shown": list(contract.shown),
        "holdout": {**task.summary(held_out), "digest": task.digest(held_out)},
        "data": os.environ.get("MLOPS_DATA_DIGEST"),
        "features": specification.digest,
        CHAMPION: None,
        "differences": {},
    }
    for candidate in candidates:
        document[candidate.role] = {
            "sha256": candidate.sha256,
            "features": candidate.specification.digest,
            "golden": candidate.check_golden(),
            "metrics": task.figures(held_out, answers[candidate.role]),
        }
        figures = document[candidate.role]["metrics"]
        tracker.metrics({f"{candidate.role}_{name}": value for name, value in figures.items()})
        _say(f"{candidate.role}: {', '.join(f'{name} {figures[name]:.4f}' for name in contract.shown)}")
    if champion is not None:
        document["differences"] = found = _differences(task, document, held_out, answers)
        tracker.metrics({f"{part}_{name}": value for name, one in found.items() for part, value in one.items()})
        for name in contract.shown:
            if one := found.get(name):
                _say(f"{name} {one['difference']:+.4f}, 95 % interval {one['low']:+.4f} .. {one['high']:+.4f}")
    output.mkdir(parents=True, exist_ok=True)
    report.comparison(contract.kind, held_out, answers, output)
    (output / RESULT).write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    tracker.artifacts(output)
    return document


def seen(
    candidate: Candidate,
    current: Specification,
    held_out: Examples,
    rows: Callable[[Specification], pd.DataFrame],
) -> pd.DataFrame:
    """The holdout set by a model's own features."""
    own = candidate.specification
    if own.digest == current.digest:
        return held_out.requests
    return rows(own).loc[held_out.requests.index]


def _differences(
    task: Task, document: dict[str, Any], held_out: Examples, answers: dict[str, Answers]
) -> dict[str, dict[str, float]]:
    """What the challenger has more than the champion, with the interval of each."""
    scorers = [task.scorers(held_out, answers[role]) for role in (CHALLENGER, CHAMPION)]
    intervals = bootstrap.intervals(task.strata(held_out), *scorers)
    ours, theirs = (document[role]["metrics"] for role in (CHALLENGER, CHAMPION))
    return {name: {"difference": ours[name] - theirs[name], **interval} for name, interval in intervals.items()}


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201
