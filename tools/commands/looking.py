"""Verbs that look: status, history, runs, compare, open."""

from __future__ import annotations

import typer

from tools import history as system_history
from tools import links
from tools import status as system_status
from tools.commands.arguments import AOption, BOption, Given, StackOption, SystemOption, given_system
from tools.commands.asking import console, told
from tools.deployed_system import find_systems
from tools.runs import compare as run_comparison
from tools.runs import table as runs_table
from tools.stacks import load_stack

application = typer.Typer()


@application.command()
def status(system: SystemOption = "", stack: StackOption = "local") -> None:
    """Shows what serves now, how clients fare, what was judged last, and where stack and endpoint differ."""
    with told():
        found = [given_system(stack, system)] if system else find_systems(stack)
        for one in found:
            system_status.show(one, console())
        if not found:
            console().print(f"Stack {stack} has no system yet: `make up STACK={stack}` makes them.")


@application.command()
def history(system: SystemOption = "", stack: StackOption = "local") -> None:
    """Shows who or what promoted, kept, rejected, lifted or rolled back which version, when and why."""
    with told():
        system_history.show(given_system(stack, system), console())


@application.command()
def runs(system: SystemOption = "", stack: StackOption = "local") -> None:
    """Shows the last training jobs and evaluations with their figures, beside the champion."""
    with told():
        runs_table.show(given_system(stack, system), console())


@application.command()
def compare(system: SystemOption = "", a: AOption = "", b: BOption = "", stack: StackOption = "local") -> None:
    """Shows how two runs differ: figures, parameters, data, code, and the rows on which their models disagree most."""
    with told():
        needed = Given("A", a, "A=champion"), Given("B", b, "B=bike-buyer-0123456789ab-1", "`make runs` lists them")
        run_comparison.show(given_system(stack, system, *needed), a, b, console())


@application.command("open")
def open_command(system: SystemOption = "", stack: StackOption = "local") -> None:
    """Prints where to look (page or studio, MLflow, swagger) and opens the first in a browser where there is one."""
    with told():
        found = [given_system(stack, system)] if system else find_systems(stack)
        links.show(load_stack(stack), found, console(), links.browser)
