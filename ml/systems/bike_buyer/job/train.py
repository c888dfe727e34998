"""Train the bike-buyer model: `python -m ml.systems.bike_buyer.job.train --data FOLDER [--output FOLDER]`.

Reads two CSV files, trains on the rows that are not held out, and writes into the output folder: `model.onnx`,
`features.yaml`, `golden.json`, `metrics.json`, `provenance.json` and `plots/`. Needs no server and no cloud.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.jobkit import (
    attributions,
    dataset,
    errors,
    features,
    frame,
    golden,
    metrics,
    note,
    onnx_export,
    plots,
    provenance,
    splits,
)
from ml.jobkit import tracking as trackers
from ml.jobkit.errors import JobError
from ml.systems.bike_buyer.job import join, model
from ml.systems.bike_buyer.job.files import HOLDERS, PURCHASES
from ml.systems.bike_buyer.job.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from ml.jobkit.features import Specification

SPECIFICATION = Path(__file__).parents[1] / features.FILE
EXPLAINED_ROWS = 200
"""Holdout rows whose answers are explained: enough for a stable picture, few enough to take a second."""
SECONDS_BETWEEN_LINES = 2.0


@dataclasses.dataclass(frozen=True)
class Rows:
    """The data as the model sees it; the entries of all fields belong together."""

    features: pd.DataFrame
    matrix: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]

    def part(self, mask: npt.NDArray[np.bool_]) -> Rows:
        return Rows(self.features[mask], self.matrix[mask], self.labels[mask], self.groups[mask])


def read(specification: Specification, folder: Path) -> tuple[Rows, join.Quality]:
    """All rows of a data folder."""
    table = join.join(specification, folder)
    rows = Rows(
        table.features,
        frame.encode(specification, table.features),
        table.labels.to_numpy(dtype=np.int64),
        splits.groups(specification, table.features),
    )
    return rows, table.quality


def split(specification: Specification, rows: Rows) -> tuple[Rows, Rows]:
    """(training part, holdout set).

    Raises:
        JobError: one of them lacks buyers or others, so nothing can be learnt or measured.
    """
    held_out = splits.holdout_mask(specification, rows.features)
    parts = rows.part(~held_out), rows.part(held_out)
    for name, part in zip(("training part", "holdout set"), parts, strict=True):
        if len(np.unique(part.labels)) < 2:
            raise JobError(
                f"the {name} has {len(part.labels)} rows, {part.labels.sum()} of them buyers; "
                "it needs buyers and others: give more rows"
            )
    return parts


def train(folder: Path, output: Path, hyperparameters: Hyperparameters, tracker: trackers.Tracker) -> None:
    """Everything the job does, in order."""
    started = time.monotonic()
    specification = features.load(SPECIFICATION)
    rows, quality = read(specification, folder)
    training, holdout = split(specification, rows)
    counts = {"all": len(rows.labels), "training": len(training.labels), "holdout": len(holdout.labels)}
    data = dataset.read(specification, folder, (HOLDERS, PURCHASES), counts["all"])
    _say(f"{specification.system}: {data.source} data, " + "\n  ".join(quality.lines()))
    _say(f"{counts['training']:,} rows to train on, {counts['holdout']:,} held out")
    tracker.parameters(dataclasses.asdict(hyperparameters) | {f"rows_{name}": n for name, n in counts.items()})
    tracker.tags({"system": specification.system, "kind": "training", **data.tags})
    tracker.dataset(data, "training")

    curve, validation = _cross_validate(training, hyperparameters, tracker)
    booster = onnx_export.with_float_thresholds(model.fit(training.matrix, training.labels, hyperparameters))
    probabilities = model.predict(booster, holdout.matrix)
    figures = metrics.binary(holdout.labels, probabilities)
    tracker.metrics({f"holdout_{name}": value for name, value in figures.items()} | validation)
    _say(f"holdout: auc {figures['auc']:.4f}, accuracy {figures['accuracy']:.4f}, log loss {figures['log_loss']:.4f}")

    output.mkdir(parents=True, exist_ok=True)
    difference = _export(specification, booster, rows, holdout, output)
    _draw(specification, booster, holdout, probabilities, curve, output / "plots")
    document = {"data_source": data.source, "rows": counts, "holdout": figures, "cross_validation": validation}
    _write_json(output / "metrics.json", document | {"onnx_largest_difference": difference})
    provenance.write(
        output / "provenance.json",
        specification,
        folder,
        (HOLDERS, PURCHASES),
        (output / "model.onnx", output / "golden.json"),
        data_quality=dataclasses.asdict(quality),
        hyperparameters=dataclasses.asdict(hyperparameters),
    )
    _say(f"outputs are in {output}, after {time.monotonic() - started:.1f} s")
    tracker.describe(note.training(data, counts, figures))
    tracker.artifacts(output)


def _cross_validate(
    training: Rows, hyperparameters: Hyperparameters, tracker: trackers.Tracker
) -> tuple[list[float], dict[str, float]]:
    """Grouped folds of the training part: (AUC after each tree, figures at the end), reported while they come."""
    curve: list[float] = []
    last_line = time.monotonic()

    def report(round_: int, figures: dict[str, float]) -> None:
        nonlocal last_line
        curve.append(figures["cv_auc"])
        tracker.metrics(figures, step=round_)
        if round_ == 1 or time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
            last_line = time.monotonic()
            _say(f"  tree {round_} of {hyperparameters.rounds}  auc {figures['cv_auc']:.4f}")

    _say("cross-validation inside the training part, 5 folds, equal rows in one fold")
    found = model.cross_validate(
        training.matrix, training.labels, training.groups, hyperparameters, on_round=report
    ).summary()
    _say(f"  auc {found['cv_auc_mean']:.4f} ± {found['cv_auc_std']:.4f}, accuracy {found['cv_accuracy_mean']:.4f}")
    return curve, found


def _export(specification: Specification, booster: Any, rows: Rows, holdout: Rows, output: Path) -> float:
    """Write the model with its `features.yaml` and `golden.json`. Returns the largest difference of its answers."""
    graph = onnx_export.lightgbm_classifier(booster, specification)
    (output / "model.onnx").write_bytes(graph.SerializeToString(deterministic=True))
    shutil.copyfile(SPECIFICATION, output / features.FILE)
    running = onnx_export.session(output / "model.onnx")
    difference = onnx_export.assert_parity(running, specification, rows.features, model.predict(booster, rows.matrix))
    asked = golden.requests(specification, holdout.features, model.predict(booster, holdout.matrix))
    expected = model.predict(booster, frame.encode(specification, asked))
    onnx_export.assert_parity(running, specification, asked, expected)
    golden.write(output / "golden.json", asked, expected)
    size = (output / "model.onnx").stat().st_size / 1e6
    _say(f"model.onnx: {size:.1f} MB, differs by at most {difference:.1e} on {len(rows.labels):,} rows")
    return difference


def _draw(
    specification: Specification,
    booster: Any,
    holdout: Rows,
    probabilities: npt.NDArray[np.float64],
    curve: list[float],
    folder: Path,
) -> None:
    folder.mkdir(exist_ok=True)
    subject = f"holdout set ({len(holdout.labels):,} rows)"
    explained = attributions.of_trees(booster, specification, holdout.matrix[:EXPLAINED_ROWS])
    shown = probabilities[: len(explained.values)]
    examples = [int(np.abs(shown - wanted).argmin()) for wanted in (0.1, 0.5, 0.9)]
    figures = {
        "roc": plots.roc(holdout.labels, probabilities, subject),
        "calibration": plots.calibration(holdout.labels, probabilities, subject),
        "confusion": plots.confusion(holdout.labels, probabilities, ("no purchase", "purchase"), subject),
        "learning_curve": plots.learning_curve(curve, "mean AUC of the folds left out", "training part, 5 folds"),
        "importance": plots.importance(explained, f"{len(shown)} holdout rows"),
        "explained_rows": plots.explained_rows(specification, explained, holdout.features, probabilities, examples),
    }
    for name, figure in figures.items():
        plots.save(figure, folder / f"{name}.png")


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def arguments(words: list[str] | None = None) -> tuple[Path, Path, Hyperparameters]:
    """(data folder, output folder, hyperparameters) from the command line; every hyperparameter is an option."""
    parser = argparse.ArgumentParser(prog="train", description="Train the bike-buyer model.")
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {HOLDERS} and {PURCHASES}")
    parser.add_argument("--output", type=Path, default=Path("outputs"), help="folder to write into")
    for field in dataclasses.fields(Hyperparameters):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    given = vars(parser.parse_args(words))
    return given.pop("data"), given.pop("output"), Hyperparameters(**given)


def main() -> None:
    folder, output, hyperparameters = arguments()
    with trackers.run("bike_buyer") as tracker:
        train(folder, output, hyperparameters, tracker)


if __name__ == "__main__":
    sys.exit(errors.run(main))
