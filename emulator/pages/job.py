"""A job: how it is, what it measured, what it prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.errors import ServiceError
from emulator.pages import charts, models, redaction
from emulator.pages.charts import Chart
from emulator.pages.client import Json
from emulator.pages.cloud import Cloud, created
from emulator.pages.rendering import moment
from emulator.pages.systems import ENDED, Judgement, judgements, status

LOG_LINES = 300
MOST_CHARTS = 8
STARTING = "MLflow is starting; the metrics come with the next look."


@dataclass(frozen=True)
class Metrics:
    """What MLflow knows of a job; `problem` says why it knows nothing."""

    values: Mapping[str, float]
    charts: Mapping[str, Chart]
    problem: str = ""


@dataclass(frozen=True)
class JobPage:
    """A job as its page shows it."""

    document: Json
    status: str
    ended: bool
    submitted: float
    started: float | None
    finished: float | None
    error: str
    logs: Mapping[str, str]
    metrics: Metrics
    data: Sequence[Json]
    made: Sequence[Any]
    """Model versions that it made."""
    judgements: Sequence[Judgement]
    """Verdicts about this job, or by it."""

    @property
    def seconds(self) -> float | None:
        """How long it ran, None while it runs."""
        return self.finished - self.started if self.started and self.finished else None


def read(cloud: Cloud, document: Json) -> JobPage:
    """A job with its log and its metrics."""
    run = cloud.client.run(document["id"])
    error = (run.get("error") or {}).get("error") or {}
    state = status(document) or str(run["status"])
    found = [version for model in models.every(cloud) for version in model.versions]
    return JobPage(
        document=document,
        status=state,
        ended=state in ENDED,
        submitted=created(document),
        started=moment(run.get("startTimeUtc")),
        finished=moment(run.get("endTimeUtc")),
        error=redaction.text(str(error.get("message") or "")),
        logs=logs(cloud, run),
        metrics=metrics(cloud, str(document["name"])),
        data=models.inputs(cloud, document),
        judgements=[one for one in judgements(cloud.jobs()) if document["name"] in names(one)],
        made=[version for version in found if version.job_id.lower() == document["id"].lower()],
    )


def names(judgement: Judgement) -> list[str]:
    """The jobs that a verdict is about or by."""
    return [str(job["name"]) for job in (judgement.job, judgement.subject) if job]


def logs(cloud: Cloud, run: Json) -> dict[str, str]:
    """The end of each log file, without secrets; what the job itself printed comes first."""
    found = {}
    for name, address in sorted((run.get("logFiles") or {}).items(), reverse=True):
        try:
            lines = cloud.client.text(address).splitlines()[-LOG_LINES:]
        except ServiceError:
            continue
        found[name] = redaction.text("\n".join(lines))
    return found


def metrics(cloud: Cloud, job: str) -> Metrics:
    """A job's metrics, and how those with steps went."""
    try:
        run = cloud.client.tracking("runs/get", run_id=job)["run"]
        newest = {one["key"]: float(one["value"]) for one in run["data"].get("metrics", [])}
        stepped = [one["key"] for one in run["data"].get("metrics", []) if int(one.get("step", 0))]
        plots = {}
        for name in sorted(stepped)[:MOST_CHARTS]:
            history = cloud.client.tracking("metrics/get-history", run_id=job, metric_key=name).get("metrics", [])
            points = sorted((float(one.get("step", 0)), float(one["value"])) for one in history)
            plots[name] = charts.plot(points, f"{name} over {len(points)} steps, at the end {newest[name]:.4g}")
    except TimeoutError:
        return Metrics({}, {}, STARTING)
    except ServiceError as error:
        return Metrics({}, {}, "" if error.status == 404 else redaction.text(error.message))
    return Metrics(newest, plots)
