"""Verbs about this machine: doctor."""

from __future__ import annotations

import typer
from rich.console import Console

from tools.doctor import findings

application = typer.Typer()


@application.command()
def doctor() -> None:
    """Looks at what usually goes wrong and says what to do; exit code 1 when there is something to do."""
    console, wrong = Console(highlight=False, soft_wrap=True), 0
    for finding in findings():
        console.print(f"{'ok  ' if finding.well else 'WRONG'} {finding.name}: {finding.said}", markup=False)
        if not finding.well:
            wrong += 1
            console.print(f"      -> {finding.fix}", markup=False)
    console.print(f"\n{wrong} thing(s) to do." if wrong else "\nAll is well.")
    raise typer.Exit(1 if wrong else 0)
