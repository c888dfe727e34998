"""Verbs about what a stack may declare: verdict."""

from __future__ import annotations

from typing import Annotated

import typer

from policies.azure.report import lines
from tools.azure_verdict import of_stack
from tools.commands.arguments import ProfileOption
from tools.commands.stacks import StackArgument
from tools.stacks import load_stack

application = typer.Typer()
DefinitionsOption = Annotated[str, typer.Option(envvar="DEFINITIONS")]
AllOption = Annotated[bool, typer.Option("--all", help="What was not decided, one by one.")]


@application.command()
def verdict(
    stack: StackArgument = "local",
    profile: ProfileOption = "",
    definitions: DefinitionsOption = "",
    everything: AllOption = False,
) -> None:
    """Says what Azure Policy would refuse, change and list of a stack's requests; needs no account and no network."""
    found = of_stack(load_stack(stack), profile, definitions)
    for line in [*found.heading, *lines(found.verdicts, everything=everything)]:
        typer.echo(line)
    raise typer.Exit(1 if any(one.blocks for one in found.verdicts) else 0)
