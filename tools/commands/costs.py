"""Verbs about money: cost, prices."""

from __future__ import annotations

import typer

from tools.commands.arguments import AllOption, FromOption, ProfileOption
from tools.commands.stacks import StackArgument
from tools.cost import cost as cost_of
from tools.cost import lines
from tools.prices import refresh
from tools.stacks import load_stack

application = typer.Typer()


@application.command()
def cost(stack: StackArgument = "local", profile: ProfileOption = "", everything: AllOption = False) -> None:
    """Shows what a stack costs a month, and why; needs no account and no network. With ALL=1 every line of it."""
    for line in lines(cost_of(load_stack(stack), profile), everything=everything):
        typer.echo(line)


@application.command()
def prices(table: FromOption = "") -> None:
    """Reads the prices that estimates use anew from Azure's public price list, or from the table FROM=file.csv."""
    for line in refresh(table):
        typer.echo(line)
