"""What happened to a system's versions, newest first: who or what did it, when and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from ml.clients.events import Event, Events
from tools import words
from tools.deployed_system import DeployedSystem

MOST_EVENTS = 30
KINDS = {"rolled_back": "rolled back"}
LABEL = 13


def show(system: DeployedSystem, console: Console) -> None:
    """Prints it."""
    events = Events(system.workspace, system.name).list()
    console.print(f"[bold]{system.name}[/bold] on stack {system.stack.name}: {words.count(len(events), 'event')}")
    for line in lines(events[::-1][:MOST_EVENTS], console.width):
        console.print(line, markup=False)
    if len(events) > MOST_EVENTS:
        console.print(f"… and {len(events) - MOST_EVENTS} older ones", markup=False)


def lines(events: Sequence[Event], width: int) -> Iterator[str]:
    """Each event with its reason, and below it who or what it was."""
    for event in events:
        label = f"{words.when(event.time)}  {KINDS.get(event.kind, event.kind):<{LABEL}}"
        yield words.hanging(label, ": ".join(part for part in (subject(event), event.reason) if part), width)
        figures = words.figures(event.figures) if event.figures else ""
        about = "   ".join(part for part in (figures, event.job, f"by {event.who}" if event.who else "") if part)
        if about:
            yield words.hanging(" " * len(label), about, width)


def subject(event: Event) -> str:
    """Which version, and which one was there before."""
    version = f"version {event.version}" if event.version is not None else "a challenger"
    if event.before is None or event.before == event.version:
        return version
    word = "against" if event.kind in ("kept", "refused") else "after"
    return f"{version} {word} version {event.before}"
