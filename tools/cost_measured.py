"""What a stack that has run really used, beside what an estimate assumes: jobs and their minutes from Azure ML's run
history, requests and their rows from Application Insights. The same calls answer on Azure and on the emulator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from ml.clients.errors import CloudError
from ml.clients.history import History
from ml.clients.insights import query
from ml.clients.jobs import Job, Jobs
from policies.prices.usage import Usage
from policies.resource import Resource
from tools.deployed_system import DeployedSystem, find_systems
from tools.live import is_evaluation
from tools.progress import SetupError
from tools.stacks import Stack

DAYS = 30
MOST_JOBS = 200
"""Of a system; whoever trains more often than that knows what it costs."""
# All systems of a workspace share its component; a server names its model.
ASKED = (
    'requests | where name == "POST /score" and cloud_RoleName == "{model}" '
    "| summarize asked = sum(itemCount), rows = sum(todouble(customMeasurements.rows))"
)


@dataclass(frozen=True)
class Measured:
    """One figure of a system. `assumption`: the key of `usage.yaml` that it stands beside; "" where there is none."""

    system: str
    what: str
    found: float
    assumption: str = ""


@dataclass(frozen=True)
class _Kind:
    """One kind of job: `limit` in minutes, and the assumptions about how many there are and how long they take."""

    jobs: Sequence[Job]
    limit: float
    what: str
    many: str
    long: str


def lines(stack: Stack, resources: Sequence[Resource], usage: Usage) -> Iterator[str]:
    """A table of what was used in the last days; one line where nothing can be read."""
    try:
        found = [one for system in find_systems(stack.name) for one in measure(system, resources)]
    except (SetupError, CloudError) as error:
        yield f"Nothing is measured: {error}"
        return
    if not found:
        yield f"Nothing is measured: stack {stack.name} has no system yet."
        return
    yield f"Measured in the last {DAYS} days, beside what is assumed of a month:"
    for one in found:
        yield f"  {one.system:<16}{one.what:<44}{one.found:>12,.4g}{_assumed(one, usage)}"


def _assumed(one: Measured, usage: Usage) -> str:
    if not one.assumption:
        return ""
    key = usage.key(one.assumption, f"{one.system}-rollout" if one.assumption.startswith("requests") else one.system)
    figures = usage.assumptions[key].figures
    return f"   {key}: {figures.low:,.12g} / {figures.expected:,.12g} / {figures.max:,.12g}"


def measure(system: DeployedSystem, resources: Sequence[Resource]) -> Iterator[Measured]:
    """The figures of one system.

    Raises:
        CloudError: the cloud does not answer.
    """
    since = (datetime.now(UTC) - timedelta(days=DAYS)).isoformat()
    newest = Jobs(system.workspace).newest(system.name)
    jobs = list(takewhile(lambda job: job.created >= since, _some(newest)))
    limits = {
        one.kind: float(one.inputs.get("timeoutMinutes") or 0)
        for one in resources
        if one.inputs.get("system") == system.name
    }
    evaluations = [job for job in jobs if is_evaluation(job)]
    trainings = [job for job in jobs if not is_evaluation(job)]
    for kind in (
        _Kind(trainings, limits.get("TrainingJob", 0), "training jobs", "training.runs", "training.share_of_limit"),
        _Kind(evaluations, limits.get("QualityGate", 0), "evaluations", "training.runs", "gate.share_of_limit"),
    ):
        yield from _of_jobs(system, kind)
    yield from _of_requests(system)


def _some(jobs: Iterator[Job]) -> Iterator[Job]:
    for _, job in zip(range(MOST_JOBS), jobs, strict=False):
        yield job


def _of_jobs(system: DeployedSystem, kind: _Kind) -> Iterator[Measured]:
    took = [minutes for job in kind.jobs if job.ended and (minutes := job_minutes(system, job)) is not None]
    yield Measured(system.name, kind.what, len(kind.jobs), kind.many)
    if took:
        yield Measured(system.name, f"minutes of {kind.what}, together", sum(took))
    if took and kind.limit:
        share = sum(took) / len(took) / kind.limit
        yield Measured(system.name, f"of the {kind.limit:g} minutes that one may take", share, kind.long)


def job_minutes(system: DeployedSystem, job: Job) -> float | None:
    """How long a job ran, as the run history has it; None where it does not say."""
    details = History(system.workspace).details(job.name)
    began, ended = details.get("startTimeUtc"), details.get("endTimeUtc")
    if not began or not ended:
        return None
    return (datetime.fromisoformat(str(ended)) - datetime.fromisoformat(str(began))).total_seconds() / 60


def _of_requests(system: DeployedSystem) -> Iterator[Measured]:
    component = system.workspace.properties().get("applicationInsights")
    if component:
        (row,) = query(str(component), ASKED.format(model=system.model), timedelta(days=DAYS)) or [{}]
        yield Measured(system.name, "requests", float(row.get("asked") or 0), "requests.count")
        yield Measured(system.name, "rows in them", float(row.get("rows") or 0))
