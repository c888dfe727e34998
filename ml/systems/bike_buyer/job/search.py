"""How the hyperparameters were chosen: `python -m ml.systems.bike_buyer.job.search --data FOLDER`.

Random candidates, each judged by grouped folds of the training part; the holdout set is not read. Prints a table, best
first. It runs by hand; the winner is written into `hyperparameters.py`.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import random
import statistics
import sys
from pathlib import Path
from typing import Any

from ml.jobkit import errors, features
from ml.systems.bike_buyer.job import model, train
from ml.systems.bike_buyer.job.hyperparameters import Hyperparameters

SPACE: dict[str, list[Any]] = {
    "rounds": [200, 400, 600],
    "learning_rate": [0.03, 0.05, 0.08],
    "num_leaves": [31, 63, 127],
    "min_data_in_leaf": [3, 5, 10, 20],
    "feature_fraction": [0.5, 0.7, 1.0],
    "lambda_l2": [0.0, 1.0, 5.0],
}
SEEDS = (0, 1)
"""Each candidate is judged by the folds of these seeds."""


def candidates(count: int, seed: int) -> list[Hyperparameters]:
    """The present settings, then random ones."""
    grid = [dict(zip(SPACE, values, strict=True)) for values in itertools.product(*SPACE.values())]
    changes = random.Random(seed).sample(grid, count)  # noqa: S311 - no secret
    return [Hyperparameters(), *(dataclasses.replace(Hyperparameters(), **change) for change in changes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the two CSV files")
    parser.add_argument("--candidates", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    specification = features.load(train.SPECIFICATION)
    rows, _ = train.read(specification, arguments.data)
    training, _ = train.split(specification, rows)
    found = []
    for number, settings in enumerate(candidates(arguments.candidates, arguments.seed)):
        line = _judged(training, settings)
        found.append(line)
        print(f"{number:3} {line}", flush=True)  # noqa: T201
    print("best first", *sorted(found, reverse=True)[:10], sep="\n")  # noqa: T201


def _judged(training: train.Rows, settings: Hyperparameters) -> str:
    """One line of the table; lines sort by AUC."""
    folds = [
        model.cross_validate(
            training.matrix, training.labels, training.groups, dataclasses.replace(settings, seed=seed)
        ).summary()
        for seed in SEEDS
    ]
    auc, accuracy = (statistics.mean(fold[name] for fold in folds) for name in ("cv_auc_mean", "cv_accuracy_mean"))
    return f"auc {auc:.4f} accuracy {accuracy:.4f} {settings}"


if __name__ == "__main__":
    sys.exit(errors.run(main))
