"""`make runs`: what was trained, newest first, with what changed, the data, the figures and what the gate decided."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from ml.clients.models import ModelRecord
from tools import words
from tools.deployed_system import DeployedSystem
from tools.runs.changes import Codes, changed
from tools.runs.collect import TrainingRun, collect

MOST_SHOWN = 10
LABEL = 9
FIGURES = 3


def show(system: DeployedSystem, console: Console) -> None:
    """Prints it."""
    found = collect(system)
    shown = found.runs[:MOST_SHOWN]
    console.print(f"[bold]{system.name}[/bold] on stack {system.stack.name}: {described(found.champion)}")
    if not shown:
        console.print("Nothing was trained yet.")
    with tempfile.TemporaryDirectory() as folder:
        codes = Codes(system.workspace, Path(folder))
        codes.fetch([one.job for one in found.runs[: MOST_SHOWN + 1]])
        for one, before in zip(shown, [*found.runs[1:], None], strict=False):
            what = origin(one) or (changed(codes, one, before) if before else ["the first"])
            for line in lines(one, what, found.champion, console.width):
                console.print(line, markup=False)
    if len(found.runs) > MOST_SHOWN:
        console.print(f"… and {len(found.runs) - MOST_SHOWN} older ones", markup=False)
    if len(shown) > 1:
        console.print(f"Next: make compare A={shown[1].job.name} B={shown[0].job.name}", markup=False)


def described(champion: ModelRecord | None) -> str:
    """The champion with its figures."""
    if champion is None:
        return "no champion yet"
    return f"champion version {champion.version}  {words.figures(champion.figures, FIGURES)}"


def lines(one: TrainingRun, what: Sequence[str], champion: ModelRecord | None, width: int) -> Iterator[str]:
    """One run: when, its figures, the verdict; then what it was made of and why it was judged so."""
    time = words.when(one.job.created) or "at some time"
    indent = " " * (len(time) + 2)
    yield words.hanging(f"{time}  ", f"{words.figures(one.figures, FIGURES)}  {one.verdict}", width)
    yield words.hanging(indent, ", ".join(part for part in (one.name, mark(one.record, champion)) if part), width)
    parts = {"changed": "; ".join(what), "data": str(one.data), "because": one.reason}
    for label, text in parts.items():
        if text:
            yield words.hanging(f"{indent}{label:<{LABEL}}", text, width)


def origin(one: TrainingRun) -> list[str]:
    """Where a model comes from that was not trained here."""
    if not one.promoted_from:
        return []
    commit = one.record.properties.get("commit", "") if one.record else ""
    return [f"promoted from {one.promoted_from}", *([f"trained there at commit {commit}"] if commit else [])]


def mark(record: ModelRecord | None, champion: ModelRecord | None) -> str:
    """Which version it is, and whether it serves or why it does not."""
    if record is None:
        return ""
    said = [f"version {record.version}"]
    said += ["champion"] if champion and record.version == champion.version else []
    reasons = "; ".join(dict.fromkeys(record.rejections.values()))
    return ", ".join([*said, f"rejected ({reasons})"] if record.rejections else said)
