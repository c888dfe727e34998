"""Verbs that work on a stack: env, up, refresh, down, preview, policy, export, diagram, recover."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Annotated

import typer

from tools import deployment, locks, shell
from tools.commands.arguments import OutOption, PlanOption, ProfileOption, RunningOption, YesOption
from tools.commands.asking import console
from tools.diagram.page import diagram as diagram_of
from tools.export import export as export_template
from tools.export import require_place, resources, write
from tools.policy import policy as policy_lines
from tools.preview import preview as preview_lines
from tools.progress import SetupError
from tools.saved_plan import SavedPlan, save
from tools.stacks import load_stack
from tools.waiting import running_ok

StackArgument = Annotated[str, typer.Argument(help="A stack of stacks/, for instance local or dev.")]
application = typer.Typer()


def alone(stack: str, verb: str) -> AbstractContextManager[None]:
    """One at a time on a stack in this checkout: the second waits for the first, on a fresh clone too."""
    return locks.alone(shell.HOME / f"{load_stack(stack).name}.lock", f"`{verb} STACK={stack}`")


@application.command()
def env(stack: StackArgument = "local") -> None:
    """Prints what a shell needs for one stack: eval "$(make -s env STACK=local)"."""
    for line in shell.export_lines(shell.variables(load_stack(stack), os.environ)):
        typer.echo(line)


@application.command()
def up(
    stack: StackArgument = "local",
    system: Annotated[str | None, typer.Argument(help="Only this system.")] = None,
    plan: PlanOption = "",
    yes: YesOption = False,
    running: RunningOption = "",
) -> None:
    """Brings a stack up to date and shows each system's figures and links; with PLAN: does what is in that file, or is
    left of it. Ends with 75 where nothing failed but that jobs still run; RUNNING=ok leaves them to run, with 0.
    """
    ok = running_ok(running)
    if plan and system:
        raise SetupError(f"PLAN={plan} says all that is done: leave SYSTEM={system} out")
    saved = SavedPlan.read(plan, load_stack(stack)) if plan else None
    with alone(stack, "make up"):
        code = deployment.up(load_stack(stack), system or None, console(), saved, yes=yes, running_ok=ok)
    raise typer.Exit(code)


@application.command()
def refresh(stack: StackArgument = "local", yes: YesOption = False) -> None:
    """Lets the stack learn what serves and what somebody changed; changes nothing in the cloud."""
    with alone(stack, "make refresh"):
        raise typer.Exit(deployment.refresh(load_stack(stack), console(), yes=yes))


@application.command()
def down(
    stack: StackArgument = "local",
    force: Annotated[bool, typer.Option(help="Remove an emulator stack even when a step of it fails.")] = False,
    yes: YesOption = False,
) -> None:
    """Removes everything a stack made; of an emulator stack nothing is left."""
    with alone(stack, "make down"):
        raise typer.Exit(deployment.down(load_stack(stack), console(), force, yes=yes))


@application.command()
def preview(stack: StackArgument = "local", profile: ProfileOption = "", plan: PlanOption = "") -> None:
    """Shows what `up` would do; needs no account and no network. With PLAN it is what would be done to the stack that
    is there, and goes into that file.
    """
    if plan and profile:
        raise SetupError(f"PLAN={plan} is of the stack that is there: leave PROFILE={profile} out")
    for line in save(load_stack(stack), plan) if plan else preview_lines(load_stack(stack), profile):
        typer.echo(line)


@application.command()
def policy(stack: StackArgument = "local", profile: ProfileOption = "") -> None:
    """Holds what `up` would make to the rules; ends with 5 where an update would be stopped."""
    lines, code = policy_lines(load_stack(stack), profile)
    for line in lines:
        typer.echo(line)
    raise typer.Exit(code)


@application.command()
def export(stack: StackArgument = "local", profile: ProfileOption = "", out: OutOption = "") -> None:
    """Prints the plan of a stack as one ARM template, or writes it to OUT; needs no account and no network."""
    require_place(out)
    template = export_template(load_stack(stack), profile)
    typer.echo(f"{write(template, out)}: {resources(template)} resources" if out else template, nl=bool(out))


@application.command()
def diagram(stack: StackArgument = "local", profile: ProfileOption = "", out: OutOption = "") -> None:
    """Prints the platform of a stack as one SVG page, or writes it to OUT; needs no account and no network."""
    require_place(out)
    page = diagram_of(load_stack(stack), profile)
    typer.echo(write(page, out) if out else page, nl=bool(out))


@application.command()
def recover(stack: StackArgument = "local") -> None:
    """Puts a stack right after pulumi was killed (`up` does it by itself)."""
    shown = console()
    with alone(stack, "make recover"):
        pulumi = deployment.prepare(load_stack(stack), shown)
        if not pulumi.exists():
            raise SetupError(
                f"stack {stack} does not exist in {pulumi.environment.get('PULUMI_BACKEND_URL', 'your backend')}"
            )
        if not deployment.put_right(pulumi, shown, restore=True):
            shown.print("Nothing to recover.")
