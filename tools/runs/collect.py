"""The training runs of a system, each with its MLflow run, its evaluation and the version it was registered as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import islice

from ml.clients.data import DataAssets
from ml.clients.errors import CloudError
from ml.clients.jobs import Job, Jobs
from ml.clients.models import ModelRecord, Models
from ml.clients.tracking import Run, Tracking
from ml.gate.record import PROMOTED_TAG
from ml.gate.winner import DATA_SOURCE
from tools.deployed_system import DeployedSystem
from tools.live import is_evaluation

HOLDOUT, CHALLENGER = "holdout_", "challenger_"
ROWS = "rows_"
"""What the names of figures and parameters in MLflow begin with."""
MOST_JOBS = MOST_RUNS = 200
DATA = "data"


@dataclass(frozen=True)
class Data:
    """What a run was trained on: the digest of the files, real or generated ("" when nobody noted it), how many rows
    and how many of them were held out.
    """

    digest: str = ""
    source: str = ""
    rows: str = ""
    holdout: str = ""

    def __str__(self) -> str:
        held = f", {int(self.holdout):,} held out" if self.holdout.isdigit() else ""
        rows = f", {int(self.rows):,} rows{held}" if self.rows.isdigit() else ""
        return f"{self.source or 'unknown'} {self.digest}{rows}".strip()


@dataclass(frozen=True)
class TrainingRun:
    """One training job. `evaluation` is the newest that judged its model, `record` the version that holds its model.

    Of a model that was promoted from another stack (`promoted_from`: `dev:7`), `job` is the evaluation too: it was
    trained there, by the job that `record` names.
    """

    job: Job
    run: Run | None = None
    evaluation: Job | None = None
    judged: Run | None = None
    record: ModelRecord | None = None
    data: Data = field(default_factory=Data)
    promoted_from: str = ""

    @property
    def name(self) -> str:
        """The training job, wherever it ran."""
        return self.job.tags.get("challenger_job", self.job.name) if self.promoted_from else self.job.name

    @property
    def figures(self) -> Mapping[str, float]:
        """On the holdout set: those of the evaluation, else those the training measured or that were registered."""
        for run, prefix in ((self.judged, CHALLENGER), (self.run, HOLDOUT)):
            if found := begins_with(run.metrics if run else {}, prefix):
                return found
        return self.record.figures if self.record else {}

    @property
    def parameters(self) -> Mapping[str, str]:
        """What the training was told; how many rows there were follows from the data."""
        given = self.run.parameters if self.run else {}
        return {name: value for name, value in given.items() if not name.startswith(ROWS)}

    @property
    def verdict(self) -> str:
        """What the gate decided; how far the run is while it has not."""
        if self.evaluation is None:
            return self.job.status.lower()
        if verdict := self.evaluation.tags.get("verdict"):
            return verdict
        return "judged" if self.evaluation.completed else f"evaluation {self.evaluation.status.lower()}"

    @property
    def reason(self) -> str:
        """Why the gate decided so."""
        return self.evaluation.tags.get("reason", "") if self.evaluation else ""


@dataclass(frozen=True)
class Collected:
    """The training runs of a system, newest first, and its champion."""

    runs: Sequence[TrainingRun]
    champion: ModelRecord | None


def collect(system: DeployedSystem) -> Collected:
    """Everything in a few requests, at once."""
    with ThreadPoolExecutor(4) as pool:

        def models() -> tuple[list[ModelRecord], int | None]:
            found = Models(system.workspace, system.model)
            return found.list(), found.champion()

        listing = pool.submit(copy_context().run, recent_jobs, system)
        registry = pool.submit(copy_context().run, models)
        tracked = pool.submit(copy_context().run, tracked_runs, system)
        assets = pool.submit(copy_context().run, data_sources, system)
        versions, champion = registry.result()
        runs = join(listing.result(), tracked.result(), versions, assets.result())
        return Collected(runs, next((one for one in versions if one.version == champion), None))


def recent_jobs(system: DeployedSystem) -> list[Job]:
    """The newest jobs of the system, newest first."""
    return list(islice(Jobs(system.workspace).newest(system.name), MOST_JOBS))


def join(
    jobs: Sequence[Job], tracked: Mapping[str, Run], versions: Sequence[ModelRecord], sources: Mapping[str, str]
) -> list[TrainingRun]:
    """What is known of each training job; jobs come newest first."""
    evaluations: dict[str, Job] = {}
    for job in jobs:
        if is_evaluation(job):
            evaluations.setdefault(job.tags.get("challenger_job") or job.tags.get("challenger", ""), job)
    records = {one.properties.get("job", ""): one for one in versions}
    found = []
    for job in jobs:
        if is_evaluation(job):
            source = job.tags.get(PROMOTED_TAG)
            if source and job in evaluations.values():  # the newest of this model
                found.append(promoted(job, source, tracked.get(job.name), records))
            continue
        run, evaluation = tracked.get(job.name), evaluations.get(job.name)
        judged = tracked.get(evaluation.name) if evaluation else None
        found.append(TrainingRun(job, run, evaluation, judged, records.get(job.name), data_of(job, run, sources)))
    return found


def promoted(evaluation: Job, source: str, judged: Run | None, records: Mapping[str, ModelRecord]) -> TrainingRun:
    """What is known of a model of another stack, which only its evaluation ran for here."""
    record = records.get(evaluation.tags.get("challenger_job", ""))
    noted = record.properties if record else {}
    data = Data(noted.get("data", ""), noted.get(DATA_SOURCE, evaluation.tags.get("data_source", "")))
    return TrainingRun(evaluation, None, evaluation, judged, record, data, source)


def input_digest(job: Job) -> str:
    """The digest of the data that a job has read."""
    return job.inputs.get(DATA, "").rstrip("/").rpartition("/")[2].rpartition(":")[2]


def data_of(job: Job, run: Run | None, sources: Mapping[str, str]) -> Data:
    """What a job was trained on."""
    digest = input_digest(job)
    tags, parameters = (run.tags, run.parameters) if run else ({}, {})
    source = sources.get(digest) or tags.get("data_source", "")
    return Data(digest, source, parameters.get(f"{ROWS}all", ""), parameters.get(f"{ROWS}holdout", ""))


def tracked_runs(system: DeployedSystem) -> dict[str, Run]:
    """The newest MLflow runs by the job they belong to; none when the tracking server does not answer."""
    try:
        with closing(Tracking.of(system.workspace)) as tracking:
            return {run.name or run.run_id: run for run in reversed(tracking.newest(system.name, MOST_RUNS))}
    except CloudError:
        return {}


def data_sources(system: DeployedSystem) -> dict[str, str]:
    """Real or generated, by the digest of a data version."""
    assets = DataAssets(system.workspace)
    return {one.version: one.tags.get("source", "") for name in system.assets for one in assets.versions(name)}


def begins_with(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    """The values whose name begins so, without that beginning."""
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
