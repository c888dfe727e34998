"""What outlasts an `up`: how it is told from what failed, and the wait for it, in which nobody holds Pulumi's lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from ml.clients.jobs import Job, Jobs
from ml.jobs.attempts import failure, going_on
from ml.jobs.watch import STILL_RUNNING, TRAINING, Progress, required
from tools import progress as shown
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError
from tools.screen.board import Board
from tools.stacks import Stack
from tools.words import count

UNFINISHED = 75
"""Exit code of an `up` in which nothing failed but that jobs still run: EX_TEMPFAIL of sysexits.h, “try again”."""
POLL_SECONDS = 2.0
MOST_LOOKED_AT = 20
"""Of a system's jobs, the newest; more never run at once."""
KINDS = (TRAINING, "evaluation")
MINUTES = 50
"""A wait as long as the sign-in of a pipeline is good for."""
Pause = Callable[[float], None]


def unfinished(board: Board) -> list[str]:
    """What waits for jobs that still run, by name, where nothing else went wrong; empty where something did."""
    errors = [one for one in board.messages if one.severity == "error" and one.name]
    late = {one.name for one in errors if STILL_RUNNING in one.text}
    broken = {row.name for row in board.rows.values() if row.failed} | {one.name for one in errors}
    return sorted(late) if broken == late else []


def later(stack: Stack, names: Sequence[str], plan: str = "") -> str:
    """What to do about it, in a sentence. `plan`: the file that says all that is done."""
    again = " ".join(["make up", f"STACK={stack.name}", *([f"PLAN={plan}"] if plan else [])])
    return (
        f"Not finished: {', '.join(names)}. The jobs go on in Azure ML, and nobody holds the stack's lock. Next: "
        f"`make wait STACK={stack.name}`, then `{again}`, which goes on from here."
    )


def running_ok(text: str) -> bool:
    """Whether RUNNING=ok was said: training jobs are then left to run, which is no failure.

    Raises:
        SetupError: another word was said.
    """
    if text not in ("", "ok"):
        raise SetupError(f"RUNNING={text}: write RUNNING=ok, by which `up` leaves training jobs to run")
    return text == "ok"


@dataclass(frozen=True)
class Late:
    """A job that has not ended, and where it is asked for."""

    jobs: Jobs
    name: str


def late_jobs(system: DeployedSystem) -> list[Late]:
    """The jobs of a system that have not ended: its own, not those of notebooks and of people."""
    jobs = Jobs(system.workspace)
    newest = islice(jobs.newest(system.name), MOST_LOOKED_AT)
    own = (job for job in newest if job.tags.get("kind") in KINDS and not job.archived)
    return [Late(jobs, job.name) for job in own if not job.ended]


def wait(
    stack: Stack,
    found: Sequence[Late],
    minutes: float,
    say: Callable[[str], None],
    *,
    pause: Pause = time.sleep,
    progress: shown.Progress | None = None,
) -> None:
    """Waits until each job has ended, and says how; asks Azure ML alone, and needs neither the state nor its lock.

    Raises:
        SetupError: a job still runs after so many minutes, which loses nothing; or one failed, with its last lines.
    """
    if not found:
        say(f"No job of stack {stack.name} runs.")
        return
    broken = []
    deadline = time.monotonic() + minutes * 60
    with (progress or shown.Progress()).step(f"Waiting for {count(len(found), 'job')} of stack {stack.name}") as step:
        ended = [_ended(late, step, stack, minutes, deadline, pause) for late in found]
    for late, job in zip(found, ended, strict=True):
        say(f"{job.name} {job.status.lower()}. {job.studio_uri}")
        if job.failed:
            broken.append(failure(late.jobs, job, going_on(job) if job.tags.get("kind") == TRAINING else ""))
    if broken:
        raise SetupError("\n".join(broken))


def _ended(late: Late, step: shown.Step, stack: Stack, minutes: float, deadline: float, pause: Pause) -> Job:
    with closing(Progress(late.jobs.workspace)) as figures:
        while not (job := required(late.jobs, late.name)).ended:
            if time.monotonic() > deadline:
                raise SetupError(
                    f"{job.name} is {job.status.lower()} after {minutes:g} minutes of waiting. It goes on in Azure ML: "
                    f"`make wait STACK={stack.name}` waits on, and once it has ended `make up STACK={stack.name}` goes "
                    f"on from there. {job.studio_uri}"
                )
            step.detail = f"{job.name} {job.status.lower()} {figures.of(job)}".strip()
            pause(POLL_SECONDS)
    return job
