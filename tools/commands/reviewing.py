"""The verb that reviews a change: review."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tools.commands.arguments import OutOption
from tools.progress import SetupError
from tools.versions import ROOT

PublishOption = Annotated[bool, typer.Option(envvar="PUBLISH")]
LiveOption = Annotated[bool, typer.Option(envvar="LIVE")]
BaseOption = Annotated[str, typer.Option(envvar="BASE")]
application = typer.Typer()
FOLDER = ".review"


@application.command()
def review(
    stack: str = "local",
    base: BaseOption = "",
    out: OutOption = "",
    publish: PublishOption = False,
    live: LiveOption = False,
) -> None:
    """What this checkout would change in a stack of BASE's: one comment, one JSON file. Ends with 5 where something
    blocks the change, with 1 where there is no plan. With LIVE it is held against the stack's own state, as whoever is
    signed in sees it; with PUBLISH the comment goes to the pull request of the job.
    """
    from review.publish.http import PublishError
    from review.publish.place import publish as to_place
    from tools import review as reviews

    if not base:
        raise SetupError("BASE is missing: name what the change is held against, such as BASE=origin/main")
    report = reviews.Review(base, public=reviews.is_public(), live=live).of(reviews.wanted(stack))
    comment, page, data = reviews.written(report, Path(out) if out else ROOT / FOLDER)
    typer.echo(comment)
    typer.echo(f"Written to {page} and {data}", err=True)
    if publish:
        try:
            typer.echo(to_place(comment, page, os.environ))
        except PublishError as error:
            raise SetupError(str(error)) from None
    raise typer.Exit(report.exit_code)
