"""Verbs about what serves: rollback, promote, key, score. They need no Pulumi lock."""

from __future__ import annotations

import typer

from tools import endpoint_key, promote, rollback
from tools.commands.arguments import (
    FileOption,
    Given,
    OutOption,
    ReasonOption,
    StackOption,
    SystemOption,
    VersionOption,
    given_system,
    number,
)
from tools.commands.asking import console, progress, told
from tools.score import run as score_run

application = typer.Typer()
WHY = 'REASON="wrong scores for new customers"'


@application.command("rollback")
def rollback_command(
    system: SystemOption = "", reason: ReasonOption = "", version: VersionOption = "", stack: StackOption = "local"
) -> None:
    """Goes back to the version before, or to VERSION, within seconds; also while an `up` is running."""
    wanted = number(version)
    with told():
        found = given_system(stack, system, Given("REASON", reason, WHY))
        rollback.run(found, wanted, reason.strip(), progress())


@application.command("promote")
def promote_command(system: SystemOption = "", version: VersionOption = "", stack: StackOption = "local") -> None:
    """Lifts the rejection of VERSION and makes it what the next `up` rolls out."""
    wanted = number(version)
    with told():
        found = given_system(stack, system, Given("VERSION", version, "VERSION=3", "`make runs` lists them"))
        promote.run(found, wanted or 0, console())


@application.command()
def key(system: SystemOption = "", stack: StackOption = "local") -> None:
    """Prints the key that clients of the endpoint send, and nothing else."""
    with told():
        typer.echo(endpoint_key.primary_key(given_system(stack, system)))


@application.command()
def score(system: SystemOption = "", file: FileOption = "", out: OutOption = "", stack: StackOption = "local") -> None:
    """Asks the endpoint about the rows of FILE, JSON or CSV; answers in the same form, to OUT or to stdout."""
    with told():
        score_run.run(given_system(stack, system, Given("FILE", file, "FILE=rows.csv")), file, out, progress())
