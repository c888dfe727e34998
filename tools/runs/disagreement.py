"""Scores the holdout set with two models on this machine and finds the rows on which they disagree.

The registered files do it, downloaded from the workspace: the same on every cloud, and nothing has to be deployed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.clients.data import DataAssets
from ml.clients.datastore import Folder
from ml.clients.errors import CloudError
from ml.jobkit import evaluation, plan
from ml.jobkit.candidate import MODEL, Candidate
from ml.jobkit.features import FILE as FEATURES
from ml.jobkit.features import Specification, load
from ml.jobkit.tasks.base import Array, Examples, Task
from ml.jobkit.tasks.contract import FILE as CONTRACT
from ml.resources.training_job import artefact
from tools.deployed_system import DeployedSystem
from tools.runs.collect import DATA, TrainingRun, input_digest

MOST_ROWS = 10


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
    planned = plan.load(system.name)
    a, b = (candidate(system, name, one, folder, planned) for name, one in (("A", old), ("B", new)))
    data = download_data(system, new, folder / "data")
    task: Task = planned.build_task(b.specification)
    held_out = task.split(planned.prepare(b.specification, data)).holdout

    def rows(other: Specification) -> pd.DataFrame:
        theirs: Task = planned.build_task(other)
        return theirs.requests(planned.prepare(other, data, strict=False))

    seen = evaluation.seen(a, b.specification, held_out, rows)
    member = b.contract.golden[0]
    return compare(a.answer(seen)[member], b.answer(held_out.requests)[member], held_out, str(new.data.digest))


def compare(a: Array, b: Array, held_out: Examples, digest: str) -> Disagreement:
    """What two models' answers have to do with each other and with the labels; of several numbers in an answer, their
    mean.
    """
    count = len(held_out)
    a, b, labels = (np.asarray(one, dtype=np.float64).reshape(count, -1) for one in (a, b, held_out.labels))
    distance = np.abs(a - b).mean(axis=1)
    nearer = np.abs(b - labels).mean(axis=1) - np.abs(a - labels).mean(axis=1)
    summary = (
        f"{count:,} held out of data {digest}: the answers differ by {distance.mean():.4f} on average, by "
        f"{distance.max():.4f} at most; A is nearer to the label {int((nearer > 0).sum()):,} times and B "
        f"{int((nearer < 0).sum()):,} times"
    )
    first = ~held_out.requests.astype(str).assign(label=labels.mean(axis=1)).duplicated().to_numpy()
    most = [int(one) for one in np.argsort(-distance, kind="stable") if first[one] and distance[one] > 0][:MOST_ROWS]
    means = {"A": a.mean(axis=1), "B": b.mean(axis=1), "label": labels.mean(axis=1)}
    rows = [
        {**{name: float(values[one]) for name, values in means.items()}, **held_out.requests.iloc[one].to_dict()}
        for one in most
    ]
    return Disagreement(summary, rows)


def candidate(system: DeployedSystem, name: str, one: TrainingRun, folder: Path, planned: plan.Plan) -> Candidate:
    """The model of a run, by its files."""
    where = one.record.uri if one.promoted_from and one.record else artefact(system.name, one.job.name)
    source, target = Folder(system.workspace, where), folder / f"model-{name}"
    target.mkdir()
    for file in (MODEL, FEATURES):
        content = source.read(file)
        if content is None:
            raise CloudError(f"{name} left no {file}: {one.job.name} {one.job.status.lower()}", status=404)
        target.joinpath(file).write_bytes(content)
    contract = source.read(CONTRACT)
    if contract is not None:
        target.joinpath(CONTRACT).write_bytes(contract)
    return Candidate(name, target, planned.build_task(load(target / FEATURES)))


def download_data(system: DeployedSystem, one: TrainingRun, folder: Path) -> Path:
    """The data a run was trained on; of a model of another stack, those it was judged on here."""
    assets, digest = DataAssets(system.workspace), input_digest(one.job) if one.promoted_from else one.data.digest
    found = (assets.find(name, digest) for name in system.assets if digest)
    there = next((asset for asset in found if asset), None)
    if there is None:
        raise CloudError(f"the data {digest or one.job.inputs.get(DATA)} of B is gone", status=404)
    return Folder(system.workspace, there.uri).download(folder)
