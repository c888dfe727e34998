"""Verbs about what serves: rollback, promote, key, logs, runs. They need no Pulumi lock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from ml.clients.arm import manner
from ml.clients.errors import CloudError
from ml.resources.host import Failure
from tools import container_logs, endpoint_key, model_runs, promote, rollback
from tools.commands.stacks import console
from tools.deployed_system import find_system
from tools.progress import SetupError

application = typer.Typer()
# Of a person at a terminal: a role that was given just now is told from one that is missing by trying again later.
PATIENCE = 30.0
# From the environment, so that a reason with spaces and quotes comes through `make` as it was written.
StackOption = Annotated[str, typer.Option(envvar="STACK")]
SystemOption = Annotated[str, typer.Option(envvar="SYSTEM")]
VersionOption = Annotated[str, typer.Option(envvar="VERSION")]
ReasonOption = Annotated[str, typer.Option(envvar="REASON")]


def number(version: str) -> int | None:
    """VERSION as a number; None when it was not given.

    Raises:
        SetupError: it is no number.
    """
    if not version:
        return None
    if not version.isdecimal() or int(version) < 1:
        raise SetupError(f"VERSION={version}: write the number of a version (`make runs` lists them)")
    return int(version)


@application.command("rollback")
def rollback_command(
    system: SystemOption = "", reason: ReasonOption = "", version: VersionOption = "", stack: StackOption = "local"
) -> None:
    """Goes back to the version before, or to VERSION, within seconds; also while an `up` is running."""
    wanted = number(version)
    if not reason.strip():
        raise SetupError('REASON is missing: write why, for instance REASON="wrong scores for new customers"')
    with told():
        rollback.run(find_system(stack, system), wanted, reason.strip(), progress())


@application.command("promote")
def promote_command(system: SystemOption = "", version: VersionOption = "", stack: StackOption = "local") -> None:
    """Lifts the rejection of VERSION and makes it what the next `up` rolls out."""
    wanted = number(version)
    if wanted is None:
        raise SetupError("VERSION is missing: write the version to promote (`make runs` lists them)")
    with told():
        promote.run(find_system(stack, system), wanted, console())


@application.command()
def key(system: SystemOption = "", stack: StackOption = "local") -> None:
    """Prints the key that clients of the endpoint send, and nothing else."""
    with told():
        typer.echo(endpoint_key.primary_key(find_system(stack, system)))


@application.command()
def logs(
    system: SystemOption = "", version: VersionOption = "", stack: StackOption = "local", lines: int = 100
) -> None:
    """Shows the last lines of the scoring server that serves, or of VERSION, and its last failed requests."""
    wanted = number(version)
    with told():
        container_logs.show(find_system(stack, system), wanted, lines, console())


@application.command()
def runs(system: SystemOption = "", stack: StackOption = "local") -> None:
    """Shows the last training jobs and evaluations with their figures, beside the champion."""
    with told():
        model_runs.show(find_system(stack, system), console())


def wait(seconds: float, why: str) -> None:
    """Says why, so that nobody sits before a silent terminal."""
    progress().print(why, markup=False)
    time.sleep(seconds)


def progress() -> Console:
    """Progress goes to stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def told() -> Iterator[None]:
    """What the cloud refuses is shown as its message; what may pass is waited for with a word, and not for long."""
    try:
        with manner(patience=PATIENCE, pause=wait):
            yield
    except (CloudError, Failure) as error:
        raise SetupError(str(error)) from None
