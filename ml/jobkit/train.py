"""Train a system's model: `python -m ml.jobkit.train --system NAME --data FOLDER [--output FOLDER]`.

Reads the raw files, trains on what is not held out, and writes into the output folder: `model.onnx`, `features.yaml`,
`golden.json`, `contract.json`, `metrics.json`, `provenance.json` and `plots/`. Needs no server and no cloud.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.jobkit import candidate, dataset, errors, features, golden, note, onnx_export, plan, provenance, report
from ml.jobkit import tracking as trackers

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.features import Specification
    from ml.jobkit.tasks.base import Constants, Lesson, Split, Task
    from ml.jobkit.trainers.base import Trainer

FOLDS = 5
SECONDS_BETWEEN_LINES = 2.0


def train(planned: plan.Plan, folder: Path, output: Path, settings: Any, tracker: trackers.Tracker) -> None:
    """Everything the job does, in order; `settings` are the trainer's hyperparameters."""
    started = time.monotonic()
    specification = planned.specification()
    task, trainer = planned.build_task(specification), planned.build_trainer(settings)
    prepared = planned.prepare(specification, folder)
    split = task.split(prepared)
    counts = {"all": len(prepared.labels), "training": len(split.training), "holdout": len(split.holdout)}
    label = dataset.stored(prepared.labels)
    data = dataset.read(specification, folder, planned.files, counts["all"], label)
    _say(f"{specification.system}: {data.source} data, " + "\n  ".join(prepared.quality.lines()))
    _say(f"{counts['training']:,} rows to train on, {counts['holdout']:,} held out")
    tracker.parameters(dataclasses.asdict(settings) | {f"rows_{name}": n for name, n in counts.items()})
    tracker.tags({"system": specification.system, "kind": "training", **data.tags})
    tracker.dataset(data, "training")

    lesson = task.lesson(split.training, FOLDS, getattr(settings, "seed", 0))
    curves, out_of_fold, validation = _cross_validate(task, trainer, lesson, tracker)
    constants = task.calibrate(lesson, out_of_fold)
    model = trainer.fit(lesson)
    requests = split.holdout.requests
    matrix = task.matrix(requests)
    answers = task.answers(requests, trainer.predict(model, matrix), constants)
    figures = task.figures(split.holdout, answers)
    tracker.metrics({f"holdout_{name}": value for name, value in figures.items()} | validation)
    _say("holdout: " + ", ".join(f"{name.replace('_', ' ')} {figures[name]:.4f}" for name in task.contract.shown))

    output.mkdir(parents=True, exist_ok=True)
    difference = _export(specification, task, trainer, model, lesson, constants, split, output)
    explained = trainer.attributions(model, matrix[: report.EXPLAINED_ROWS])
    trained = report.Trained(specification, split.holdout, answers, explained, curves)
    report.training(task.contract.kind, trained, output / "plots")
    document = {"data_source": data.source, "rows": counts, "holdout": figures, "cross_validation": validation}
    if record := trainer.record():
        document["trainer"] = record
    _write_json(output / "metrics.json", document | {"onnx_largest_difference": difference})
    provenance.write(
        output / "provenance.json",
        specification,
        folder,
        planned.files,
        (output / candidate.MODEL, output / golden.FILE),
        trainer.packages,
        data_quality=dataclasses.asdict(prepared.quality),
        hyperparameters=dataclasses.asdict(settings),
    )
    _say(f"outputs are in {output}, after {time.monotonic() - started:.1f} s")
    tracker.describe(note.training(data, counts, figures, task.contract))
    tracker.artifacts(output)


def _cross_validate(
    task: Task, trainer: Trainer, lesson: Lesson, tracker: trackers.Tracker
) -> tuple[dict[str, list[float]], npt.NDArray[Any], dict[str, float]]:
    """Folds of the training part: (live figures at each step, answers to rows left out, figures at the end)."""
    curves: dict[str, list[float]] = {}
    last_line = time.monotonic()

    def told(step: int, figures: Mapping[str, float]) -> None:
        nonlocal last_line
        for name, value in figures.items():
            curves.setdefault(name, []).append(value)
        tracker.metrics(figures, step=step)
        if step == 1 or time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
            last_line = time.monotonic()
            name, value = next(iter(figures.items()))
            _say(f"  step {step}  {name.removeprefix('cv_').replace('_', ' ')} {value:.4f}")

    _say(f"cross-validation inside the training part, {len(lesson.folds)} folds")
    found = trainer.cross_validate(lesson, told)
    folds = [task.fold_figures(lesson.target[left_out], found[left_out]) for _, left_out in lesson.folds]
    summary: dict[str, float] = {}
    for name in folds[0] if folds else ():
        values = np.array([fold[name] for fold in folds])
        summary |= {f"cv_{name}_mean": float(values.mean()), f"cv_{name}_std": float(values.std())}
        _say(f"  {name.replace('_', ' ')} {values.mean():.4f} ± {values.std():.4f}")
    return curves, found, summary


def _export(
    specification: Specification,
    task: Task,
    trainer: Trainer,
    model: Any,
    lesson: Lesson,
    constants: Constants,
    split: Split,
    output: Path,
) -> float:
    """Write the model with its `features.yaml`, contract and golden requests. Returns the largest difference of its
    answers from the framework's, over all rows.
    """
    graph = task.graph(trainer.core(model, lesson), constants)
    path = output / candidate.MODEL
    path.write_bytes(graph.SerializeToString(deterministic=True))
    (output / features.FILE).write_bytes((plan.SYSTEMS / specification.system / features.FILE).read_bytes())
    task.contract.write(output)
    running, largest, rows = onnx_export.session(path), 0.0, 0

    def asked(frame: Any) -> dict[str, npt.NDArray[Any]]:
        nonlocal largest, rows
        expected = task.answers(frame, trainer.predict(model, task.matrix(frame)), constants)
        difference = onnx_export.assert_parity(running, specification, frame, expected, task.contract)
        largest, rows = max(largest, difference), rows + len(frame)
        return expected

    asked(split.training.requests)
    requests = task.golden(split.holdout, asked(split.holdout.requests))
    golden.write(output / golden.FILE, task.contract, requests, asked(requests))
    size = path.stat().st_size / 1e6
    _say(f"{candidate.MODEL}: {size:.1f} MB, differs by at most {largest:.1e} on {rows:,} rows")
    return largest


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def arguments(words: list[str] | None = None) -> tuple[plan.Plan, Path, Path, Any]:
    """(plan, data folder, output folder, hyperparameters) from the command line; every hyperparameter is an option.

    Raises:
        JobError: there is no such system, or a hyperparameter is out of its range.
    """
    parser = argparse.ArgumentParser(prog="train", description="Train a system's model.")
    parser.add_argument("--system", required=True, help="a folder of ml/systems")
    parser.add_argument("--data", type=Path, required=True, help="folder with the system's raw files")
    parser.add_argument("--output", type=Path, default=Path("outputs"), help="folder to write into")
    planned = plan.load(parser.parse_known_args(words)[0].system)
    kind = planned.settings()
    usual = kind(**planned.trainer.options)
    for field in dataclasses.fields(kind):
        value = getattr(usual, field.name)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(value), default=value)
    given = vars(parser.parse_args(words))
    del given["system"]
    return planned, given.pop("data"), given.pop("output"), kind(**given)


def main() -> None:
    planned, folder, output, settings = arguments()
    with trackers.run(planned.system) as tracker:
        train(planned, folder, output, settings, tracker)


if __name__ == "__main__":
    sys.exit(errors.run(main))
