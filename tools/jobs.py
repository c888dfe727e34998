"""One job: its log as it grows, and its end before its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice

from rich.console import Console

from ml.clients.history import History
from ml.clients.jobs import LOG_FILE, Job, Jobs
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError

EVERY_SECONDS = 1.0
# Asked to stop, a job has half a minute on Azure before it is ended.
STOP_SECONDS = 90.0
MOST_NAMED = 5


def follow(system: DeployedSystem, name: str, console: Console) -> None:
    """Prints a job's log from its beginning until the job ends; Ctrl-C leaves the job running.

    Raises:
        SetupError: there is no such job.
    """
    jobs, history = Jobs(system.workspace), History(system.workspace)
    job = find(system, jobs, name)
    console.print(f"{name}: {job.status.lower()}. {job.studio_uri}", markup=False)
    try:
        for text in growing(lambda: history.log(name, LOG_FILE), lambda: find(system, jobs, name).ended, time.sleep):
            console.out(text, end="", highlight=False)
    except KeyboardInterrupt:
        console.print(f"\n{name} goes on; `make cancel JOB={name}` ends it.", markup=False)
        return
    job = find(system, jobs, name)
    console.print(f"{name} {job.status.lower()}.", markup=False)
    if job.failed and (reason := jobs.error(name)):
        console.print(reason, markup=False)


def growing(read: Callable[[], str], ended: Callable[[], bool], pause: Callable[[float], None]) -> Iterator[str]:
    """What is added to a text, until it is known to be whole."""
    printed, last = 0, False
    while True:
        text = read()
        if len(text) > printed:
            yield text[printed:]
            printed = len(text)
        if last:
            return
        last = ended()  # what was printed between this reading and the end is read once more
        if not last:
            pause(EVERY_SECONDS)


def cancel(system: DeployedSystem, name: str, console: Console) -> None:
    """Asks a job to stop and waits until it has.

    Raises:
        SetupError: there is no such job, or it does not stop.
    """
    jobs = Jobs(system.workspace)
    job = find(system, jobs, name)
    if job.ended:
        console.print(f"{name} has ended already: {job.status.lower()}.", markup=False)
        return
    jobs.cancel(name)
    deadline = time.monotonic() + STOP_SECONDS
    while not (job := find(system, jobs, name)).ended:
        if time.monotonic() > deadline:
            raise SetupError(
                f"{name} was asked to stop and is {job.status} after {STOP_SECONDS:.0f} s: {job.studio_uri}"
            )
        time.sleep(EVERY_SECONDS)
    again = "; the next `up` starts it again" if job.failed else ""
    console.print(f"{name} {job.status.lower()}{again}.", markup=False)


def find(system: DeployedSystem, jobs: Jobs, name: str) -> Job:
    """The job.

    Raises:
        SetupError: there is none; the message names the newest that there are.
    """
    job = jobs.find(name)
    if job is None:
        newest = ", ".join(one.name for one in islice(jobs.newest(system.name), MOST_NAMED)) or "none"
        raise SetupError(f"JOB={name}: there is no such job. The newest of {system.name}: {newest}.")
    return job
