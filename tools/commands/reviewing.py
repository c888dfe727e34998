"""The verb that reviews a change: review."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tools.commands.arguments import MinutesOption, OutOption, SystemOption, limit
from tools.progress import SetupError
from tools.versions import ROOT

PublishOption = Annotated[bool, typer.Option(envvar="PUBLISH")]
LiveOption = Annotated[bool, typer.Option(envvar="LIVE")]
RehearseOption = Annotated[bool, typer.Option(envvar="REHEARSE")]
StaleOption = Annotated[bool, typer.Option(envvar="STALE")]
BaseOption = Annotated[str, typer.Option(envvar="BASE")]
application = typer.Typer()
FOLDER, REMOTE = ".review", "origin/"


@application.command()
def review(
    stack: str = "local",
    base: BaseOption = "",
    out: OutOption = "",
    publish: PublishOption = False,
    live: LiveOption = False,
    stale: StaleOption = False,
    rehearse: RehearseOption = False,
    minutes: MinutesOption = "",
    system: SystemOption = "",
) -> None:
    """What this checkout would change in a stack of BASE's: one comment, one JSON file. Ends with 5 where something
    blocks the change, with 1 where there is no plan. With LIVE it is held against the stack's own state, as whoever is
    signed in sees it; with PUBLISH the comment goes to the pull request of the job. With STALE nothing is reviewed:
    reviews of open pull requests into BASE that were held against an older commit of it are marked. With REHEARSE BASE
    is brought up on an emulator of its own and then the change, while clients ask: of SYSTEM alone where one is named,
    in MINUTES at most.
    """
    if not base:
        raise SetupError("BASE is missing: name what the change is held against, such as BASE=origin/main")
    if stale:
        typer.echo(marked(base))
        return
    from review.publish.http import PublishError
    from review.publish.place import publish as to_place
    from tools import review as reviews
    from tools.rehearsal.run import MINUTES, Wanted

    wanted = Wanted(system, limit(minutes, MINUTES)) if rehearse else None
    report = reviews.Review(base, public=reviews.is_public(), live=live, rehearsal=wanted).of(reviews.wanted(stack))
    comment, page, data = reviews.written(report, Path(out) if out else ROOT / FOLDER)
    typer.echo(comment)
    typer.echo(f"Written to {page} and {data}", err=True)
    if publish:
        try:
            typer.echo(to_place(comment, page, os.environ))
        except PublishError as error:
            raise SetupError(str(error)) from None
    raise typer.Exit(report.exit_code)


def marked(base: str) -> str:
    """Marks the reviews that are stale, and says which.

    Raises:
        SetupError: BASE is no branch that was fetched, or the service refused.
    """
    from review.publish.http import PublishError
    from review.publish.place import mark_stale
    from tools.throwaway import commit_of, git

    branch = base.removeprefix(REMOTE)
    if git("check-ref-format", "--branch", branch).returncode or branch == "HEAD":
        raise SetupError(f"BASE={base}: STALE=1 takes a branch, such as BASE=origin/main")
    try:
        return mark_stale(commit_of(base), branch, os.environ)
    except PublishError as error:
        raise SetupError(str(error)) from None
