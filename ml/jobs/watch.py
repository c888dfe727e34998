"""Watches a job until it ends, with its live metrics on the row of the resource that waits."""

from __future__ import annotations

import os
import time
from contextlib import closing

from ml.clients.errors import CloudError
from ml.clients.jobs import Job, Jobs
from ml.clients.tracking import Run, Tracking
from ml.clients.workspace import Workspace
from ml.jobkit.tasks.kinds import contracts
from ml.progress import Failure, status, wait

POLL_SECONDS = 1.0
LONGEST_ROW = 3
STILL_RUNNING = "still running"
"""What the failure says of a job that outlasted its wait, and no other failure does: `tools.waiting` looks for it."""
ASKED_FIRST = tuple(dict.fromkeys(name for one in contracts() for name in one.shown))
"""Metrics that a row begins with, also with a prefix such as `challenger_`: it may be cut or folded after them. They
are those that the kinds of task show first.
"""

RUNNING = "MLOPS_RUNNING"
"""The variable by which somebody says `ok` to training jobs that still run: they are waited for later, and without
Pulumi's lock.
"""
TRAINING = "training"


def left_to_run(job: Job) -> bool:
    """Whether nobody waits for the job here."""
    return os.environ.get(RUNNING) == "ok" and job.tags.get("kind") == TRAINING


def watch(jobs: Jobs, name: str, seconds: float) -> Job:
    """The job when it has ended.

    Raises:
        Failure: it still runs after `seconds`; nothing is lost.
        Cancelled: the deployment was interrupted; the job goes on.
    """
    with closing(Progress(jobs.workspace)) as progress:
        deadline = time.monotonic() + seconds
        while True:
            job = required(jobs, name)
            if job.ended:
                return job
            if time.monotonic() > deadline or left_to_run(job):
                again = "run `pulumi up` again, it takes the job up where it is"
                raise Failure(f"{name}: {STILL_RUNNING}: {again}. {job.studio_uri}")
            status(f"{job.status.lower()} {progress.of(job)}".strip())
            wait(POLL_SECONDS)


class Progress:
    """The last step and metrics of a job's run, such as `step 40  auc 0.861`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tracking: Tracking | None = None

    def of(self, job: Job) -> str:
        """Empty while the run has no metrics, or where nobody answers: live figures are a courtesy, the job's status
        decides.
        """
        if job.status != "Running":
            return ""
        try:
            self._tracking = self._tracking or Tracking.of(self._workspace)
            run = self._tracking.run(job.name, job.experiment)
        except CloudError:
            return ""
        return row(run) if run and run.metrics else ""

    def close(self) -> None:
        """Closes its connections."""
        if self._tracking is not None:
            self._tracking.close()


def required(jobs: Jobs, name: str) -> Job:
    """The job.

    Raises:
        Failure: somebody deleted it.
    """
    job = jobs.find(name)
    if job is None:
        raise Failure(f"{name} was deleted while it ran: run `pulumi up` again")
    return job


def row(run: Run) -> str:
    """Step and metrics of a run in one line."""
    names = sorted(run.metrics, key=lambda name: (-run.steps.get(name, 0), rank(name), name))[:LONGEST_ROW]
    return "  ".join(
        [f"step {max(run.steps.values(), default=0)}", *(f"{name} {run.metrics[name]:.3f}" for name in names)]
    )


def rank(name: str) -> int:
    """How soon a person asks for a metric."""
    asked = (place for place, word in enumerate(ASKED_FIRST) if name == word or name.endswith(f"_{word}"))
    return next(asked, len(ASKED_FIRST))
