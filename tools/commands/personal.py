"""Verbs about personal stacks: stack, expired."""

from __future__ import annotations

import datetime as dt
import subprocess
from typing import Annotated

import typer

from tools import deployment
from tools.commands.arguments import FromOption, Given, in_words
from tools.commands.asking import console
from tools.commands.stacks import alone
from tools.personal import Wanted, day, make, personal
from tools.progress import SetupError
from tools.stacks import load_stack
from tools.versions import ROOT

application = typer.Typer()


def git_address() -> str:
    """Whom git commits as here; "" where it does not know."""
    command = ["git", "config", "user.email"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


@application.command()
def stack(
    name: Annotated[str, typer.Option(envvar="NAME")] = "",
    origin: FromOption = "",
    expires: Annotated[str, typer.Option(envvar="EXPIRES")] = "",
    owner: Annotated[str, typer.Option(envvar="OWNER")] = "",
) -> None:
    """Makes the file of a personal stack: like FROM, with names and an owner of its own, and a last day."""
    today = dt.date.today()
    needed = (
        Given("NAME", name, "NAME=alice"),
        Given("FROM", origin, "FROM=dev"),
        Given("EXPIRES", expires, f"EXPIRES={today + dt.timedelta(30)}"),
    )
    if missing := [one for one in needed if not one.value.strip()]:
        raise SetupError(in_words(missing))
    wanted = Wanted(name, load_stack(origin), owner or git_address(), day(expires, today))
    file, remarks = make(wanted, today)
    typer.echo(f"wrote {file.relative_to(ROOT)}: like {origin}, owner {wanted.owner}, until {wanted.expires}")
    for remark in remarks:
        typer.echo(remark)
    typer.echo(
        f"\nCommit it: by this file the stack is taken down after its last day. Next: make up STACK={wanted.stack}"
    )


@application.command()
def expired(destroy: Annotated[bool, typer.Option(envvar="DESTROY")] = False) -> None:
    """Lists the personal stacks, and with DESTROY=1 takes down those whose last day has passed."""
    today = dt.date.today()
    found = list(personal())
    for one in found:
        word = "EXPIRED" if one.expired(today) else f"{(one.expires - today).days} days left"
        typer.echo(f"{one.stack.name}: until {one.expires}, {word}, owner {one.owner}")
    past = [one.stack for one in found if one.expired(today)]
    if not past:
        typer.echo("No personal stack has expired.")
    elif not destroy:
        typer.echo("To take down what has expired: make expired DESTROY=1")
    failed = []
    for gone in past if destroy else ():
        with alone(gone.name, "make expired"):
            if deployment.down(gone, console(), yes=True):
                failed.append(gone.name)
            else:
                typer.echo(f"Stack {gone.name} is gone; remove stacks/{gone.file.name}")
    if failed:
        raise SetupError(f"not all of it could be removed: {', '.join(failed)}; run this again")
