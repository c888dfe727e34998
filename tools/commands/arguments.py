"""What the verbs about a system are told, by variables of the environment: `make` hands over `NAME=value` that way, so
that a reason with spaces and quotes comes through as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from tools.deployed_system import DeployedSystem, find_system
from tools.progress import SetupError
from tools.stacks import PROJECT, Stack, load_stack

StackOption = Annotated[str, typer.Option(envvar="STACK")]
SystemOption = Annotated[str, typer.Option(envvar="SYSTEM")]
VersionOption = Annotated[str, typer.Option(envvar="VERSION")]
ReasonOption = Annotated[str, typer.Option(envvar="REASON")]
JobOption = Annotated[str, typer.Option(envvar="JOB")]
FileOption = Annotated[str, typer.Option(envvar="FILE")]
AOption = Annotated[str, typer.Option(envvar="A")]
BOption = Annotated[str, typer.Option(envvar="B")]
ProfileOption = Annotated[str, typer.Option(envvar="PROFILE")]
PlanOption = Annotated[str, typer.Option(envvar="PLAN")]
FromOption = Annotated[str, typer.Option("--from", envvar="FROM")]
AllOption = Annotated[bool, typer.Option("--all", envvar="ALL")]
MeasuredOption = Annotated[bool, typer.Option("--measured", envvar="MEASURED")]
RunningOption = Annotated[str, typer.Option(envvar="RUNNING", help="ok: training jobs are left to run.")]
MinutesOption = Annotated[str, typer.Option(envvar="MINUTES")]
YesOption = Annotated[bool, typer.Option(envvar="YES", help="Ask nothing.")]
MOST_MINUTES = 1440
OutOption = Annotated[str, typer.Option(envvar="OUT")]


@dataclass(frozen=True)
class Given:
    """One argument a verb cannot do without; `example` is how it could be written."""

    name: str
    value: str
    example: str
    hint: str = ""


def given_system(stack_name: str, system: str, *needed: Given) -> DeployedSystem:
    """The system that is meant, once nothing is missing. Where a stack has one system, it need not be named.

    Raises:
        SetupError: arguments are missing: all of them in one message; or there is no such stack or system.
    """
    stack = load_stack(stack_name)
    missing = [*_unnamed(stack, system), *(one for one in needed if not one.value.strip())]
    if missing:
        raise SetupError(in_words(missing))
    return find_system(stack_name, system)


def _unnamed(stack: Stack, system: str) -> list[Given]:
    names = [str(name) for name in stack.configuration().get("config", {}).get(f"{PROJECT}:systems") or []]
    if system or len(names) < 2:
        return []
    return [Given("SYSTEM", "", f"SYSTEM={names[0]}", f"stack {stack.name} has {', '.join(names)}")]


def in_words(missing: list[Given]) -> str:
    """What is missing, and how it is written."""
    names = [one.name for one in missing]
    listed = f"{', '.join(names[:-1])} and {names[-1]} are" if len(names) > 1 else f"{names[0]} is"
    hints = [one.hint for one in missing if one.hint]
    said = f" ({'; '.join(hints)})" if hints else ""
    return f"{listed} missing: write for instance {' '.join(one.example for one in missing)}{said}"


def limit(minutes: str, default: float) -> float:
    """MINUTES as a number.

    Raises:
        SetupError: it is none, or no time that anything could take.
    """
    try:
        found = float(minutes) if minutes else default
    except ValueError:
        found = -1.0
    if not 0 < found <= MOST_MINUTES:
        raise SetupError(
            f"MINUTES={minutes}: write a number of minutes, such as MINUTES={default:g}; {MOST_MINUTES} at most"
        )
    return found


def number(version: str) -> int | None:
    """VERSION as a number; None when it was not given.

    Raises:
        SetupError: it is no number.
    """
    if not version:
        return None
    if not version.isdecimal() or int(version) < 1:
        raise SetupError(f"VERSION={version}: write the number of a version (`make runs` lists them)")
    return int(version)
