"""Judge models of a system: `python -m ml.jobkit.evaluate --system NAME --data FOLDER --challenger FOLDER
[--champion FOLDER] [--output FOLDER]`.

Scores the files of one or two trained models on the holdout set of the data and writes `evaluation.json` and pictures.
Needs no server and no cloud.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ml.jobkit import dataset, errors, evaluation, note, plan
from ml.jobkit import tracking as trackers

if TYPE_CHECKING:
    import pandas as pd

    from ml.jobkit import features


def evaluate(
    planned: plan.Plan, data: Path, challenger: Path, champion: Path | None, output: Path, tracker: trackers.Tracker
) -> None:
    """Everything the job does, in order."""
    specification = planned.specification()
    task = planned.build_task(specification)
    prepared = planned.prepare(specification, data)
    held_out = task.split(prepared).holdout
    label = dataset.stored(prepared.labels)
    judged_on = dataset.read(specification, data, planned.files, len(prepared.labels), label)
    tracker.tags({"system": specification.system, "kind": "evaluation", **judged_on.tags})
    tracker.dataset(judged_on, "evaluation")

    def rows(other: features.Specification) -> pd.DataFrame:
        return planned.build_task(other).requests(planned.prepare(other, data, strict=False))

    found = evaluation.compare(task, specification, held_out, rows, challenger, champion, output, tracker)
    roles = (evaluation.CHALLENGER, evaluation.CHAMPION)
    figures = {role: found[role]["metrics"] for role in roles if found[role] is not None}
    tracker.describe(note.evaluation(judged_on, found["holdout"]["rows"], figures, task.contract))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The system and folders from the command line."""
    parser = argparse.ArgumentParser(prog="evaluate", description="Judge models on the holdout set.")
    parser.add_argument("--system", required=True, help="a folder of ml/systems")
    parser.add_argument("--data", type=Path, required=True, help="folder with the system's raw files")
    parser.add_argument("--challenger", type=Path, required=True, help="output folder of the training to judge")
    parser.add_argument("--champion", type=Path, help="output folder of the training that serves, if any")
    parser.add_argument("--output", type=Path, default=Path("outputs"), help="folder to write into")
    return parser.parse_args(words)


def main() -> None:
    given = arguments()
    planned = plan.load(given.system)
    with trackers.run(planned.system) as tracker:
        evaluate(planned, given.data, given.challenger, given.champion, given.output, tracker)


if __name__ == "__main__":
    sys.exit(errors.run(main))
