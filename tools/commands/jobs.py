"""Verbs about what is printed: logs of a scoring server or of a job."""

from __future__ import annotations

import typer

from tools import container_logs
from tools.commands.arguments import StackOption, SystemOption, VersionOption, given_system, number
from tools.commands.asking import console, told

application = typer.Typer()


@application.command()
def logs(
    system: SystemOption = "", version: VersionOption = "", stack: StackOption = "local", lines: int = 100
) -> None:
    """Shows the last lines of the scoring server that serves, or of VERSION, and its last failed requests."""
    wanted = number(version)
    with told():
        container_logs.show(given_system(stack, system), wanted, lines, console())
