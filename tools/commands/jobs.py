"""Verbs about jobs, and what jobs and scoring servers print: train, logs, cancel, wait."""

from __future__ import annotations

import typer

from tools import container_logs, waiting
from tools import jobs as job_tools
from tools.commands.arguments import (
    Given,
    JobOption,
    MinutesOption,
    StackOption,
    SystemOption,
    VersionOption,
    given_system,
    limit,
    number,
)
from tools.commands.asking import console, progress, told
from tools.deployed_system import find_systems
from tools.stacks import load_stack

application = typer.Typer()


# `--help` is the training's own: it lists the hyperparameters.
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@application.command(context_settings=PASSED_ON)
def train(context: typer.Context, system: SystemOption = "", stack: StackOption = "local") -> None:
    """Trains a system here and now, with no job and no gate; further words are options of the training."""
    from tools import training

    run = training.prepare(load_stack(stack), system)
    typer.echo(run.line)
    raise typer.Exit(run.start(context.args))


@application.command()
def logs(
    system: SystemOption = "",
    version: VersionOption = "",
    job: JobOption = "",
    stack: StackOption = "local",
    lines: int = 100,
) -> None:
    """Follows the log of JOB; without it shows the last lines of the scoring server that serves, or of VERSION."""
    wanted = number(version)
    with told():
        found = given_system(stack, system)
        if job:
            job_tools.follow(found, job, console())
        else:
            container_logs.show(found, wanted, lines, console())


@application.command()
def cancel(system: SystemOption = "", job: JobOption = "", stack: StackOption = "local") -> None:
    """Ends a job before its time."""
    with told():
        needed = Given("JOB", job, "JOB=bike-buyer-0123456789ab-1", "`make runs` lists them")
        job_tools.cancel(given_system(stack, system, needed), job, progress())


@application.command()
def wait(system: SystemOption = "", minutes: MinutesOption = "", stack: StackOption = "local") -> None:
    """Waits for the jobs of a stack that run, MINUTES at most, and holds no lock meanwhile; `up` then goes on."""
    most = limit(minutes, waiting.MINUTES)
    with told():
        found = [given_system(stack, system)] if system else find_systems(stack)
        late = [one for each in found for one in waiting.late_jobs(each)]
        waiting.wait(load_stack(stack), late, most, typer.echo)
