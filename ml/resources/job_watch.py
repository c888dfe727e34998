"""Watches a job until it ends: its live metrics on the resource's row, its last log lines when it fails."""

from __future__ import annotations

import time

from ml.clients.errors import CloudError
from ml.clients.jobs import Job, Jobs
from ml.clients.tracking import Run, Tracking
from ml.resources.host import Failure, status, wait

POLL_SECONDS = 1.0
LOG_LINES = 20
LONGEST_ROW = 3
FINAL = "holdout_"


def watch(jobs: Jobs, name: str, seconds: float) -> Job:
    """The job when it has ended.

    Raises:
        Failure: it still runs after `seconds`; nothing is lost.
        Cancelled: the deployment was interrupted; the job goes on.
    """
    deadline = time.monotonic() + seconds
    tracking: Tracking | None = None
    while True:
        job = required(jobs, name)
        if job.ended:
            return job
        if time.monotonic() > deadline:
            head = f"{name}: still running after {seconds / 60:.0f} minutes"
            raise Failure(f"{head}: run `pulumi up` again, it takes the job up where it is. {job.studio_uri}")
        tracking = tracking or (Tracking.of(jobs.workspace) if job.status == "Running" else None)
        status(f"{job.status.lower()} {progress(tracking, job)}".strip())
        wait(POLL_SECONDS)


def required(jobs: Jobs, name: str) -> Job:
    """The job.

    Raises:
        Failure: somebody deleted it.
    """
    job = jobs.find(name)
    if job is None:
        raise Failure(f"{name} was deleted while it ran: run `pulumi up` again")
    return job


def progress(tracking: Tracking | None, job: Job) -> str:
    """The last step and metrics of the job's run, such as `step 40  auc 0.861`."""
    if tracking is None:
        return ""
    try:
        run = tracking.run(job.name, job.experiment)
    except CloudError:
        return ""  # live figures are a courtesy: the job's status decides
    return row(run) if run and run.metrics else ""


def row(run: Run) -> str:
    """Step and metrics of a run in one line."""
    names = sorted(run.metrics, key=lambda name: (-run.steps.get(name, 0), name))[:LONGEST_ROW]
    return "  ".join(
        [f"step {max(run.steps.values(), default=0)}", *(f"{name} {run.metrics[name]:.3f}" for name in names)]
    )


def figures(jobs: Jobs, job: Job) -> dict[str, float]:
    """The figures on the holdout set that the run logged, without their prefix, to 6 digits.

    Raises:
        Failure: the run logged none: the job's code must log `holdout_<metric>`.
    """
    run = Tracking.of(jobs.workspace).run(job.name, job.experiment)
    found = {
        name.removeprefix(FINAL): round(value, 6)
        for name, value in (run.metrics if run else {}).items()
        if name.startswith(FINAL)
    }
    if not found:
        raise Failure(
            f"{job.name} completed without a metric named {FINAL}<name>: the training code must log its holdout figures"
        )
    return dict(sorted(found.items()))


def tail(jobs: Jobs, job: Job) -> str:
    """The last lines the job printed."""
    try:
        return jobs.log_tail(job.name, LOG_LINES) or "(it printed nothing)"
    except CloudError as error:
        return f"(its log cannot be read: {error})"
