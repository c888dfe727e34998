"""Scores the holdout set with two models on this machine and finds the rows on which they disagree.

The registered files do it, downloaded from the workspace: the same on every cloud, and nothing has to be deployed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.clients.data import DataAssets
from ml.clients.datastore import Folder
from ml.clients.errors import CloudError
from ml.jobkit import evaluation
from ml.jobkit.features import FILE as FEATURES
from ml.resources.training_job import artefact
from tools.deployed_system import DeployedSystem
from tools.runs.collect import DATA, TrainingRun

MOST_ROWS = 10
THRESHOLD = 0.5


@dataclass(frozen=True)
class Disagreement:
    """What the models make of the same rows; `rows` are those on which they disagree most, with `A`, `B`, `label`."""

    summary: str
    rows: Sequence[Mapping[str, Any]]


def disagree(system: DeployedSystem, old: TrainingRun, new: TrainingRun, folder: Path) -> Disagreement:
    """Both models on the holdout set of B's data.

    Raises:
        CloudError: a file of theirs is gone, or may not be read.
        JobError: a model or the data cannot be used.
    """
    a, b = (candidate(system, name, one, folder) for name, one in (("A", old), ("B", new)))
    data = download_data(system, new, folder / "data")
    join = importlib.import_module(f"ml.systems.{system.name}.job.join").join
    table = join(b.specification, data)
    held_out = evaluation.holdout(b.specification, table.features, table.labels)
    same = a.specification.digest == b.specification.digest
    seen = (
        held_out.features if same else join(a.specification, data, strict=False).features.loc[held_out.features.index]
    )
    return compare(a.answer(seen), b.answer(held_out.features), held_out, str(new.data.digest))


def compare(a: Any, b: Any, held_out: evaluation.Holdout, digest: str) -> Disagreement:
    """What two models' answers have to do with each other and with the labels."""
    labels, distance = held_out.labels, np.abs(a - b)
    says_a, says_b = (a >= THRESHOLD).astype(int), (b >= THRESHOLD).astype(int)
    differ = says_a != says_b
    right = int((differ & (says_a == labels)).sum())
    summary = (
        f"{len(labels):,} held out of data {digest}: the answers differ by {distance.mean():.4f} on average, by "
        f"{distance.max():.4f} at most; {int(differ.sum()):,} fall on the other side of {THRESHOLD}, where A is right "
        f"{right:,} times and B {int(differ.sum()) - right:,} times"
    )
    first = ~held_out.features.assign(label=labels).duplicated().to_numpy()  # equal rows are equal answers
    most = [int(one) for one in np.argsort(-distance, kind="stable") if first[one] and distance[one] > 0][:MOST_ROWS]
    rows = [
        {"A": float(a[one]), "B": float(b[one]), "label": int(labels[one]), **held_out.features.iloc[one].to_dict()}
        for one in most
    ]
    return Disagreement(summary, rows)


def candidate(system: DeployedSystem, name: str, one: TrainingRun, folder: Path) -> evaluation.Candidate:
    """The model of a run, by its files."""
    source, target = Folder(system.workspace, artefact(system.name, one.job.name)), folder / f"model-{name}"
    target.mkdir()
    for file in (evaluation.MODEL, FEATURES):
        content = source.read(file)
        if content is None:
            raise CloudError(f"{name} left no {file}: {one.job.name} {one.job.status.lower()}", status=404)
        target.joinpath(file).write_bytes(content)
    return evaluation.Candidate(name, target)


def download_data(system: DeployedSystem, one: TrainingRun, folder: Path) -> Path:
    """The data a run was trained on."""
    assets = DataAssets(system.workspace)
    found = (assets.find(name, one.data.digest) for name in system.assets if one.data.digest)
    there = next((asset for asset in found if asset), None)
    if there is None:
        raise CloudError(f"the data {one.data.digest or one.job.inputs.get(DATA)} of B is gone", status=404)
    return Folder(system.workspace, there.uri).download(folder)
