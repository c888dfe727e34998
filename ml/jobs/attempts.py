"""Attempts at a job: names are single-use, so a job that failed stays and a new one is started, three at most."""

from __future__ import annotations

from collections.abc import Sequence

from ml.clients.errors import CloudError
from ml.clients.jobs import Job, Jobs

MOST_ATTEMPTS = 3
LOG_LINES = 20
FIX = (
    "change code, data or packages; if the cause lay elsewhere, give the TrainingJob in system.py another `generation`"
)


def job_prefix(system: str, digest: str, kind: str = "") -> str:
    """What the names of all attempts begin with: `<system>-<digest>`, or `<system>-<kind>-<digest>`."""
    return "-".join(part for part in (system.replace("_", "-"), kind, digest) if part)


def earlier(jobs: Jobs, system: str, digest: str) -> Job | None:
    """The newest attempt at a job when it runs, or ended well and is whole, so that it is adopted; for previews,
    which do not wait. None too when nobody answers.
    """
    newest = None
    for number in range(1, MOST_ATTEMPTS + 1):
        found = jobs.peek(f"{job_prefix(system, digest)}-{number}")
        if found is None:
            break
        newest = found
    return newest if newest is not None and not newest.spoiled else None


def attempt(job: Job) -> int:
    """The attempt's number, from the end of its name."""
    return int(job.name.rpartition("-")[2])


def going_on(job: Job) -> str:
    """What happens after an attempt failed."""
    left = MOST_ATTEMPTS - attempt(job)
    if left > 0:
        return f"The next `pulumi up` tries again ({left} left)."
    return f"It has failed three times: {FIX}."


def repeating(job: Job) -> str:
    """What happens after the files of an attempt were changed or lost."""
    left = MOST_ATTEMPTS - attempt(job)
    if left > 0:
        return f"The next `pulumi up` trains again ({left} attempts left)."
    return f"There is no attempt left: put the file back, or {FIX}."


def failure(jobs: Jobs, job: Job, next_step: str) -> str:
    """Why a job failed, with the last lines it printed and what happens next."""
    head = f"{job.name} {job.status.lower()}: {jobs.error(job.name) or 'no reason given'}"
    return f"{head}\n{tail(jobs, job)}\n{next_step} Log: {job.studio_uri}"


def exhausted(jobs: Jobs, attempts: Sequence[Job]) -> str:
    """Why there is no further attempt."""
    last = attempts[-1]
    names = ", ".join(job.name for job in attempts)
    failed = "are damaged" if all(job.completed for job in attempts) else "failed"
    head = f"{len(attempts)} attempts {failed} ({names}) and nothing about the job has changed since."
    fix = f"{FIX[0].upper()}{FIX[1:]}. The last lines of {last.name}:"
    return f"{head} {fix}\n{tail(jobs, last)}\nLog: {last.studio_uri}"


def tail(jobs: Jobs, job: Job) -> str:
    """The last lines the job printed."""
    try:
        return jobs.log_tail(job.name, LOG_LINES) or "(it printed nothing)"
    except CloudError as error:
        return f"(its log cannot be read: {error})"


def release_job(jobs: Jobs, name: str, claim: str) -> None:
    """Cancels a job that runs and archives it, when it still carries this claim."""
    job = jobs.find(name)
    if job is None or job.tags.get("claim") != claim:
        return
    if not job.ended:
        jobs.cancel(name)
    jobs.tag(job, {}, archived=True)
