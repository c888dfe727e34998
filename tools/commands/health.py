"""Verbs about this machine: doctor."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from tools.doctor import findings

application = typer.Typer()


@application.command()
def doctor(stack: Annotated[str, typer.Argument()] = "") -> None:
    """Looks at what usually goes wrong and says what to do, of every stack on Azure or of one; exit code 1 when there
    is something to do.
    """
    console, wrong = Console(highlight=False, soft_wrap=True), 0
    for finding in findings(stack):
        word = "later" if finding.later else "ok  " if finding.well else "WRONG"
        console.print(f"{word} {finding.name}: {finding.said}", markup=False)
        wrong += not finding.well
        if finding.fix:
            console.print(f"      -> {finding.fix}", markup=False)
    console.print(f"\n{wrong} thing(s) to do." if wrong else "\nAll is well.")
    raise typer.Exit(1 if wrong else 0)
