"""Judge bike-buyer models: `python -m ml.systems.bike_buyer.job.evaluate --data FOLDER --challenger FOLDER --output
FOLDER [--champion FOLDER]`.

Scores the files of one or two trained models on the holdout set of the data and writes `evaluation.json` and `roc.png`.
Needs no server and no cloud.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ml.jobkit import dataset, errors, evaluation, features, note
from ml.jobkit import tracking as trackers
from ml.systems.bike_buyer.job import join
from ml.systems.bike_buyer.job.files import HOLDERS, PURCHASES

if TYPE_CHECKING:
    import pandas as pd

SPECIFICATION = Path(__file__).parents[1] / features.FILE


def evaluate(data: Path, challenger: Path, champion: Path | None, output: Path, tracker: trackers.Tracker) -> None:
    """Everything the job does, in order."""
    specification = features.load(SPECIFICATION)
    table = join.join(specification, data)
    held_out = evaluation.holdout(specification, table.features, table.labels)
    judged_on = dataset.read(specification, data, (HOLDERS, PURCHASES), len(table.labels))
    tracker.tags({"system": specification.system, "kind": "evaluation", **judged_on.tags})
    tracker.dataset(judged_on, "evaluation")

    def rows(other: features.Specification) -> pd.DataFrame:
        return join.join(other, data, strict=False).features

    found = evaluation.compare(specification, held_out, rows, challenger, champion, output, tracker)
    roles = (evaluation.CHALLENGER, evaluation.CHAMPION)
    figures = {role: found[role]["metrics"] for role in roles if found[role] is not None}
    tracker.describe(note.evaluation(judged_on, found["holdout"]["rows"], figures))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Folders from the command line."""
    parser = argparse.ArgumentParser(prog="evaluate", description="Judge bike-buyer models on the holdout set.")
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {HOLDERS} and {PURCHASES}")
    parser.add_argument("--challenger", type=Path, required=True, help="output folder of the training to judge")
    parser.add_argument("--champion", type=Path, help="output folder of the training that serves, if any")
    parser.add_argument("--output", type=Path, default=Path("outputs"), help="folder to write into")
    return parser.parse_args(words)


def main() -> None:
    given = arguments()
    with trackers.run("bike_buyer") as tracker:
        evaluate(given.data, given.challenger, given.champion, given.output, tracker)


if __name__ == "__main__":
    sys.exit(errors.run(main))
