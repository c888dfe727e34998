"""How long a step took the last time: what a person waiting is told to expect."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tools.progress import duration
from tools.screen.board import Row

SHORTEST = 2.0
"""Seconds below which a step is not worth remembering."""


@dataclass
class Memory:
    """Durations of one stack's steps, in a file of the checkout; a file that cannot be read remembers nothing."""

    file: Path
    stack: str
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, file: Path, stack: str) -> Memory:
        """What is remembered of a stack."""
        found = read(file).get(stack)
        known = found if isinstance(found, dict) else {}
        return cls(file, stack, {name: float(value) for name, value in known.items() if isinstance(value, int | float)})

    def last(self, row: Row) -> float | None:
        """Seconds that this step took the last time."""
        return self.seconds.get(key(row))

    def learn(self, rows: Iterable[Row]) -> None:
        """Remembers what ended well, for the next time."""
        new = {key(row): round(row.took, 1) for row in rows if not row.failed and row.took and row.took >= SHORTEST}
        if not new:
            return
        self.seconds.update(new)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_suffix(".new")
        beside.write_text(json.dumps({**read(self.file), self.stack: self.seconds}, indent=1, sort_keys=True) + "\n")
        beside.replace(self.file)

    def clock(self, row: Row, now: float) -> str:
        """`0:42 of ~1:20`, `0:42 of at most 20:00`, `0:42`: for a narrow column."""
        passed, last = minutes(now - row.started), self.last(row)
        if last is not None:
            return f"{passed} of ~{minutes(last)}"
        return f"{passed} of at most {minutes(row.limit)}" if row.limit else passed

    def words(self, row: Row, now: float) -> str:
        """`42 s, 1 min 20 s the last time`: for a line of a log."""
        passed, last = duration(now - row.started), self.last(row)
        if last is not None:
            return f"{passed}, {duration(last)} the last time"
        return f"{passed}, at most {duration(row.limit)}" if row.limit else passed


def key(row: Row) -> str:
    """Which step this is: making a replacement is the same work as making the first one."""
    return f"{row.name} {'delete' if row.operation.startswith('delete') else 'make'}"


def read(file: Path) -> dict[str, object]:
    """The whole file; empty when there is none that can be read."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def minutes(seconds: float) -> str:
    """`1:05`."""
    return "{}:{:02d}".format(*divmod(round(seconds), 60))
