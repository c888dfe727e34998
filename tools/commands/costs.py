"""Verbs about money: cost, prices."""

from __future__ import annotations

import typer

from tools import cost_measured
from tools.commands.arguments import AllOption, FromOption, MeasuredOption, ProfileOption
from tools.commands.stacks import StackArgument
from tools.cost import cost as cost_of
from tools.cost import lines
from tools.prices import refresh
from tools.stacks import load_stack

application = typer.Typer()


@application.command()
def cost(
    stack: StackArgument = "local",
    profile: ProfileOption = "",
    everything: AllOption = False,
    measured: MeasuredOption = False,
) -> None:
    """Shows what a stack costs a month, and why; needs no account and no network. With ALL=1 every line of it, with
    MEASURED=1 what the stack really used, for which a stack on Azure takes a login.
    """
    found = cost_of(load_stack(stack), profile)
    for line in lines(found, everything=everything):
        typer.echo(line)
    if measured or (found.stack.emulated and not profile):
        for line in ["", *cost_measured.lines(found.stack, found.resources, found.usage)]:
            typer.echo(line)


@application.command()
def prices(table: FromOption = "") -> None:
    """Reads the prices that estimates use anew from Azure's public price list, or from the table FROM=file.csv."""
    for line in refresh(table):
        typer.echo(line)
