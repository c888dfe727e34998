"""`up` and `down`: one stack brought up to date, or removed with all it left."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from ml.jobs.watch import RUNNING
from tools import preflight, shell, summary, temporary
from tools.data_origin import data_origin
from tools.deployed_system import ENDPOINT
from tools.plan_rest import Rest
from tools.preview import planned
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.recover import existing_arm_id, recover
from tools.saved_plan import SavedPlan
from tools.screen.screen import follow
from tools.stacks import PROJECT, Stack, folder_name
from tools.standing import systems_now
from tools.vanished import notice_vanished
from tools.virtualenv import uv_variables
from tools.waiting import UNFINISHED, later, unfinished


def cloud_line(stack: Stack, environment: Mapping[str, str]) -> str:
    """Which cloud a stack talks to, in one line."""
    configuration = stack.configuration().get("config", {})
    subscription = configuration.get(f"{PROJECT}:subscriptionId", "the one you are logged in to")
    if stack.emulated:
        where = f"the emulator on this machine (https://{environment.get('ARM_METADATA_HOSTNAME', '')})"
        return f"Stack {stack.name} talks to {where}. No Azure account is used."
    return f"Stack {stack.name} talks to AZURE, subscription {subscription}."


def start_emulator(console: Console) -> None:
    """Starts the emulator when it does not run."""
    from emulator.settings import default_state
    from emulator.supervisor import EmulatorError, Supervisor

    try:
        status, started = Supervisor(default_state()).start()
    except EmulatorError as error:
        raise SetupError(str(error)) from None
    word = "started" if started else "runs already"
    console.print(f"Emulator {word}: {status.settings.base_url}, pages on {status.settings.http_url}")
    for remark in status.remarks:
        console.print(f"  {remark}")


def emulator_gone(stack: Stack) -> Callable[[], str]:
    """Says that the emulator of a stack does not run any more: else every request would be tried again for a while."""
    from emulator.settings import default_state
    from emulator.supervisor import Supervisor

    supervisor = Supervisor(default_state())

    def why() -> str:
        handle = supervisor.handle() if stack.emulated else None
        if not stack.emulated or (handle is not None and handle.process() is not None):
            return ""
        return (
            f"the emulator has ended while Pulumi was at work (its log: {supervisor.state.name}/emulator.log). Nothing "
            f"is lost: `make up STACK={stack.name}` starts it and goes on."
        )

    return why


def authority() -> Path:
    """The certificate of the emulator's authority."""
    from emulator.certificates import authority_file
    from emulator.settings import default_state, load_settings

    return authority_file(load_settings(default_state()))


def prepare(stack: Stack, console: Console) -> Pulumi:
    """Everything that has to be there before Pulumi runs."""
    temporary.tidy()
    if stack.emulated:
        os.environ.update(uv_variables())  # the emulator's jobs install packages
        start_emulator(console)
    return Pulumi(stack, shell.enter(stack))


def put_right(pulumi: Pulumi, console: Console, restore: bool = False) -> bool:
    """Recovers the stack after a kill and says what was done; False when nothing was wrong.

    `restore` puts a copy in place of a state that cannot be read.
    """
    subscription = str(pulumi.stack.configuration().get("config", {}).get(f"{PROJECT}:subscriptionId", ""))
    recovery = recover(pulumi, partial(_existing_id, subscription=subscription), restore=restore)
    for line in recovery.lines():
        console.print(f"Recovered: {line}")
    return bool(recovery)


def _existing_id(resource: dict[str, object], subscription: str) -> str | None:
    return existing_arm_id(resource, subscription) if str(resource["type"]).startswith("azure-native:") else None


def excluded(stack: Stack, system: str | None) -> list[str]:
    """Arguments that keep every other system as it is.

    Raises:
        SetupError: the stack has no system of this name.
    """
    systems = [str(name) for name in stack.configuration().get("config", {}).get(f"{PROJECT}:systems", [])]
    if system is None:
        return []
    if folder_name(system) not in systems:
        raise SetupError(f"SYSTEM={system}: stack {stack.name} has no such system. Its systems: {', '.join(systems)}.")
    others = [name for name in systems if name != folder_name(system)]
    return [word for name in others for end in ("", "-*") for word in ("--exclude", f"**::{name}{end}")]


def up(
    stack: Stack,
    system: str | None,
    console: Console,
    plan: SavedPlan | None = None,
    *,
    yes: bool = False,
    running_ok: bool = False,
) -> int:
    """Brings a stack, or one system of it, up to date, or does what is in a plan, or left of it; a plan has been looked
    at, so nothing is asked.

    Args:
        running_ok: whether training jobs are left to run, and whatever follows from them to a later `up`.

    Returns:
        Pulumi's exit code; `waiting.UNFINISHED` where nothing failed but that jobs still run.
    """
    only = excluded(stack, system)
    pulumi = prepare(stack, console)
    preflight.check(stack, pulumi.environment)
    line = cloud_line(stack, pulumi.environment)
    console.print(f"[bold]{line}[/bold]")
    console.print(data_origin(pulumi).line)
    if not pulumi.exists():
        pulumi.create()
    put_right(pulumi, console)
    notice_vanished(pulumi, console.print)
    before = pulumi.outputs()
    if plan is None and not stack.emulated:
        confirm_up(pulumi, only, console, yes=yes)
    pulumi.environment |= {RUNNING: "ok"} if running_ok else {}
    code, late = carry_out(pulumi, Rest.of(plan) if plan else None, only, console)
    resources = pulumi.resources()
    systems = systems_now(stack, resources, before, only=folder_name(system) if system else None)
    trusted = authority() if stack.emulated else None
    summary.show(stack, systems, console, trusted, data_origin(pulumi).words)
    console.print(f"[bold]{line}[/bold]")
    if late:
        console.print(later(stack, late, plan.name if plan else ""), markup=False)
        code = 0 if running_ok else UNFINISHED
    return code or (1 if summary.silent(stack, systems) else 0)


def carry_out(pulumi: Pulumi, rest: Rest | None, only: Sequence[str], console: Console) -> tuple[int, list[str]]:
    """Runs the engine, on all or on what is left of a plan. Returns its exit code and, where nothing failed but that
    jobs still run, what waits for them.
    """
    held = rest.words(pulumi) if rest else only
    if rest and held is None:
        console.print(f"All of {rest.plan.file.name} has been carried out: nothing of it is left.")
        return 0, []
    words = ["up", "--yes", "--skip-preview", "--continue-on-error", *(held or ())]
    outcome = follow(pulumi, words, f"Updating stack {pulumi.stack.name}", console, emulator_gone(pulumi.stack))
    if outcome.told:
        learn_traffic(pulumi, pulumi.resources(), console)
    late = unfinished(outcome.board) if outcome.code else []
    if rest and (late or not outcome.code):
        rest.begin()
    return outcome.code, late


def refresh(stack: Stack, console: Console, *, yes: bool = False) -> int:
    """Lets the state learn what is: what serves after a rollback, traffic, what somebody changed or deleted. Changes
    nothing in the cloud. Returns Pulumi's exit code.
    """
    pulumi = prepare(stack, console)
    preflight.check(stack, pulumi.environment)
    console.print(f"[bold]{cloud_line(stack, pulumi.environment)}[/bold]")
    if not pulumi.exists():
        raise SetupError(f"stack {stack.name} was never deployed: `make up STACK={stack.name}`")
    put_right(pulumi, console)
    if stack.emulated:
        words = ["refresh", "--yes", "--skip-preview"]
        code = follow(pulumi, words, f"Reading stack {stack.name}", console, emulator_gone(stack)).code
    else:
        code = pulumi.show("refresh", *unasked(stack, "refresh", yes=yes))
    if not code:
        console.print(f"The stack knows what is now. `make up STACK={stack.name}` makes it what the program says.")
    return code


def unasked(stack: Stack, verb: str, *, yes: bool) -> list[str]:
    """The word by which Pulumi asks nothing, if that is wanted.

    Raises:
        SetupError: it is not, and there is no terminal to ask in.
    """
    if not yes and not sys.stdin.isatty():
        raise SetupError(
            f"`{verb}` of a stack on Azure asks before it changes anything, and there is no terminal to ask in. "
            f"Without asking: make {verb} STACK={stack.name} YES=1"
        )
    return ["--yes"] if yes else []


def confirm_up(pulumi: Pulumi, only: Sequence[str], console: Console, *, yes: bool = False) -> None:
    """Shows what `up` would change, and asks unless the answer is known.

    Raises:
        SetupError: the answer is no, or there is nobody to ask.
    """
    for line in planned(pulumi, only):
        console.print(line, markup=False)
    if not unasked(pulumi.stack, "up", yes=yes) and not typer.confirm("Change this?"):
        raise SetupError("Nothing was changed.")


def learn_traffic(pulumi: Pulumi, resources: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Lets the state know the traffic that rollouts have just set.

    azure-native reads it into the endpoint's inputs and sends it with every later change of the endpoint, so it has to
    be the present one; and a person's next `pulumi refresh` would show it as a change. So too after an `up`
    in which something failed: one system's rollout may have ended well. Where it cannot be done, a line says so.
    """
    if not any(one["type"].endswith(ENDPOINT) for one in resources):
        return
    try:
        pulumi.read("refresh", "--yes", "--skip-preview", "--target", "**::*-endpoint")
    except SetupError as error:
        console.print(f"The endpoints' traffic was not read; `pulumi refresh` reads it. {error}", markup=False)


def down(stack: Stack, console: Console, force: bool = False, *, yes: bool = False) -> int:
    """Removes what the stack made; of the last emulator stack nothing is left, processes and files included.

    `force` removes an emulator stack even when a step of it could not be taken back properly.

    Raises:
        SetupError: `force` would take the emulator away from other stacks.
    """
    pulumi = prepare(stack, console)
    console.print(f"[bold]{cloud_line(stack, pulumi.environment)}[/bold]")
    state = pulumi.state_file()
    others = state.others() if stack.emulated and state is not None else []
    if force and others:
        raise SetupError(
            f"FORCE=1 removes the emulator with all that is in it, and it has {', '.join(others)} too: first "
            + " and ".join(f"`make down STACK={one}`" for one in others)
        )
    if force and stack.emulated and state is not None and state.damage():
        console.print(f"Stack {stack.name}: {state.file.name} {state.damage()}; what it held goes with the emulator.")
        state.remove()
    if pulumi.exists():
        put_right(pulumi, console)
        code = destroy(pulumi, console, yes=yes)
        if code and not (force and stack.emulated):
            console.print(failed_destroy(stack, alone=not others))
            return code
        pulumi.read("stack", "rm", "--yes", "--preserve-config", *(["--force"] if code else []))
        console.print(f"Removed: stack {stack.name} and its state")
    if stack.emulated and others:
        console.print(f"The emulator goes on: it has {', '.join(others)}")
    elif stack.emulated:
        remove_emulator(console)
    if stack.emulated:
        remove_history(pulumi, stack)
    return 0


def destroy(pulumi: Pulumi, console: Console, *, yes: bool = False) -> int:
    """Deletes the stack's resources; on Azure Pulumi shows what it would delete and asks. Returns its exit code."""
    if not pulumi.stack.emulated:
        return pulumi.show("destroy", "--continue-on-error", *unasked(pulumi.stack, "down", yes=yes))
    words = ["destroy", "--yes", "--skip-preview", "--continue-on-error"]
    return follow(pulumi, words, f"Removing stack {pulumi.stack.name}", console, emulator_gone(pulumi.stack)).code


def failed_destroy(stack: Stack, *, alone: bool) -> str:
    """What to do when something could not be removed; `alone`: no other stack is in the emulator."""
    again = f"Something could not be removed; see above. `make down STACK={stack.name}` goes on from here"
    return (
        f"{again}, with FORCE=1 it removes the emulator with all that is in it."
        if stack.emulated and alone
        else f"{again}."
    )


def remove_emulator(console: Console) -> None:
    """Stops the emulator with everything it started and removes what it kept."""
    from emulator.settings import default_state
    from emulator.supervisor import Supervisor

    state = default_state()
    Supervisor(state).reset()
    console.print(f"Removed: the emulator's processes, ports and {state.name}/")


def remove_history(pulumi: Pulumi, stack: Stack) -> None:
    """Removes the backups that the file backend keeps of a removed stack; the backend too when it was the last one."""
    state = pulumi.state_file()
    if state is None:
        return
    backend = state.backend
    for kind in ("backups", "history", "locks/organization"):
        shutil.rmtree(backend / ".pulumi" / kind / PROJECT / stack.name, ignore_errors=True)
    if not list((backend / ".pulumi" / "stacks").rglob("*.json")):
        shutil.rmtree(backend, ignore_errors=True)
