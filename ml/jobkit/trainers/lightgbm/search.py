"""How hyperparameters are chosen: `python -m ml.jobkit.trainers.lightgbm.search --system NAME --data FOLDER`.

Random candidates, each judged by grouped folds of the training part; the holdout set is not read. Prints a table, best
first. It runs by hand; the winner is written into `system.py`.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import random
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.jobkit import errors, plan
from ml.jobkit.trainers.lightgbm.settings import Settings
from ml.jobkit.trainers.lightgbm.trainer import Trainer

if TYPE_CHECKING:
    from ml.jobkit.tasks.base import Examples, Task

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
FOLDS = 5


def candidates(present: Settings, count: int, seed: int) -> list[Settings]:
    """The present settings, then random ones."""
    grid = [dict(zip(SPACE, values, strict=True)) for values in itertools.product(*SPACE.values())]
    changes = random.Random(seed).sample(grid, count)  # noqa: S311 - no secret
    return [present, *(dataclasses.replace(present, **change) for change in changes)]


def judged(task: Task, training: Examples, settings: Settings) -> dict[str, float]:
    """Mean figures of all folds of all seeds."""
    found: dict[str, list[float]] = {}
    for seed in SEEDS:
        lesson = task.lesson(training, FOLDS, seed)
        said = Trainer(dataclasses.replace(settings, seed=seed)).cross_validate(lesson, lambda step, figures: None)
        for _, left_out in lesson.folds:
            for name, value in task.fold_figures(lesson.target[left_out], said[left_out]).items():
                found.setdefault(name, []).append(value)
    return {name: statistics.mean(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", required=True, help="a folder of ml/systems")
    parser.add_argument("--data", type=Path, required=True, help="folder with the system's raw files")
    parser.add_argument("--candidates", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    planned = plan.load(arguments.system)
    specification = planned.specification()
    task: Task = planned.build_task(specification)
    training = task.split(planned.prepare(specification, arguments.data)).training
    metric = next(name for name in task.contract.shown if name in task.contract.directions)
    sign = 1 if task.contract.directions[metric] == "higher" else -1
    found: list[tuple[float, str]] = []
    present = Settings(**planned.trainer.options)
    for number, settings in enumerate(candidates(present, arguments.candidates, arguments.seed)):
        figures = judged(task, training, settings)
        line = " ".join([*(f"{name} {value:.4f}" for name, value in figures.items()), str(settings)])
        found.append((sign * figures[metric], line))
        print(f"{number:3} {line}", flush=True)  # noqa: T201
    print("best first", *(line for _, line in sorted(found, reverse=True)[:10]), sep="\n")  # noqa: T201


if __name__ == "__main__":
    sys.exit(errors.run(main))
