"""The verb that reviews a change: review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tools.commands.arguments import OutOption
from tools.progress import SetupError

BaseOption = Annotated[str, typer.Option(envvar="BASE")]
application = typer.Typer()
FOLDER = ".review"


@application.command()
def review(stack: str = "local", base: BaseOption = "", out: OutOption = "") -> None:
    """What this checkout would change in a stack of BASE's: one comment, one JSON file. Ends with 5 where something
    blocks the change, with 1 where there is no plan.
    """
    from tools import review as reviews
    from tools.versions import ROOT

    if not base:
        raise SetupError("BASE is missing: name what the change is held against, such as BASE=origin/main")
    report = reviews.Review(base, public=reviews.is_public()).of(reviews.wanted(stack))
    comment, page, data = reviews.written(report, Path(out) if out else ROOT / FOLDER)
    typer.echo(comment)
    typer.echo(f"Written to {page} and {data}", err=True)
    raise typer.Exit(report.exit_code)
