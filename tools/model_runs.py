"""The last training jobs and evaluations of a system with their figures, beside what serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ml.clients.errors import CloudError
from ml.clients.jobs import Job, Jobs
from ml.clients.models import ModelRecord, Models
from ml.clients.tracking import Tracking
from tools import words
from tools.deployed_system import DeployedSystem
from tools.live import is_evaluation, read_result, registered_figures

MOST_ROWS = 15
HOLDOUT = "holdout_"


@dataclass(frozen=True)
class Row:
    """One job."""

    job: str
    kind: str
    status: str
    figures: str
    version: str
    mark: str


def show(system: DeployedSystem, console: Console) -> None:
    """Prints the table."""
    models = Models(system.workspace, system.model)
    versions, champion = models.list(), models.champion()
    table = Table(title=f"{system.name}: champion {described(versions, champion)}", title_justify="left")
    for heading in ("job", "kind", "status", "figures on the holdout set", "version", "champion or rejected"):
        table.add_column(heading, overflow="fold")
    for row in rows(system, versions, champion):
        cells = (row.job, row.kind, row.status, row.figures, row.version, row.mark)
        table.add_row(*map(Text, cells))  # a reason may hold brackets, which are no markup
    console.print(table)


def described(versions: Sequence[ModelRecord], champion: int | None) -> str:
    """The champion with its figures."""
    found = next((one for one in versions if one.version == champion), None)
    return f"version {champion}  {in_words(registered_figures(found))}" if found else "none"


def rows(system: DeployedSystem, versions: Sequence[ModelRecord], champion: int | None) -> list[Row]:
    """The newest jobs, newest first."""
    by_job = {one.properties.get("job", ""): one for one in versions}
    jobs = Jobs(system.workspace).of_experiment(system.name)[:MOST_ROWS]
    return [to_row(system, job, by_job.get(job.name), champion) for job in jobs]


def to_row(system: DeployedSystem, job: Job, record: ModelRecord | None, champion: int | None) -> Row:
    """A job with what is known of it."""
    kind = "evaluation" if is_evaluation(job) else "training"
    status = f"{job.status.lower()}{', archived' if job.archived else ''}"
    try:
        figures = evaluation(system, job) if kind == "evaluation" else training(system, job, record)
    except CloudError:
        figures = "-"
    return Row(job.name, kind, status, figures, str(record.version) if record else "-", mark(record, champion))


def training(system: DeployedSystem, job: Job, record: ModelRecord | None) -> str:
    """The figures that were registered, else those that the run logged."""
    if record is not None:
        return in_words(registered_figures(record))
    if not job.completed:
        return "-"
    with closing(Tracking.of(system.workspace)) as tracking:
        run = tracking.run(job.name, job.experiment)
    metrics = run.metrics if run else {}
    return in_words({name.removeprefix(HOLDOUT): value for name, value in metrics.items() if name.startswith(HOLDOUT)})


def evaluation(system: DeployedSystem, job: Job) -> str:
    """The figures of challenger and champion."""
    result = read_result(system, job)
    if result is None:
        return "-"
    beside = f"\nagainst {in_words(result.champion.metrics)}" if result.champion else ""
    return in_words(result.challenger.metrics) + beside


def in_words(figures: Mapping[str, float]) -> str:
    """`auc 0.861  accuracy 0.790`."""
    return words.figures(figures)


def mark(record: ModelRecord | None, champion: int | None) -> str:
    """Whether the version serves, or why it does not."""
    if record is None:
        return ""
    reasons = "; ".join(dict.fromkeys(record.rejections.values()))
    words = ["champion"] if record.version == champion else []
    return ", ".join([*words, f"rejected ({reasons})"] if record.rejections else words)
