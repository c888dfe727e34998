"""What is left of a plan in a file, once an `up` has done the part of it that did not wait for a job.

That there was such an `up` is noted in the checkout, by the content of the file, which stays as whoever looked at it
knows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies.resource import UNKNOWN
from tools.plan import NO_CHANGE
from tools.preview import ABSENT, plan_of
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.recover import short_name
from tools.saved_plan import SavedPlan, hold_to, inputs_of
from tools.shell import HOME

FOLDER = HOME / "plans"


@dataclass(frozen=True)
class Rest:
    """A plan, and the file that says that an `up` has done all of it or a part; there is none before."""

    plan: SavedPlan
    note: Path

    @classmethod
    def of(cls, plan: SavedPlan, folder: Path = FOLDER) -> Rest:
        """What is left of a plan."""
        return cls(plan, folder / hashlib.sha256(plan.file.read_bytes()).hexdigest()[:16])

    @property
    def begun(self) -> bool:
        """Whether there was such an `up`."""
        return self.note.is_file()

    def begin(self) -> None:
        """Notes it."""
        self.note.parent.mkdir(parents=True, exist_ok=True)
        self.note.touch()

    def words(self, pulumi: Pulumi) -> list[str] | None:
        """Arguments with which an `up` does what is left of it, and nothing else; None where nothing is left.

        Raises:
            SetupError: that is not what `up` would do now; says where it is more than the plan.
        """
        if not self.begun:
            return hold_to(pulumi, self.plan)
        file = self.note.with_suffix(".json")
        plan_of(pulumi, ["--save-plan", str(file)])
        left = SavedPlan.read(str(file), pulumi.stack).resources
        more = list(beyond(self.plan.resources, left))
        if more:
            lines = "".join(f"\n  - {line}" for line in more)
            raise SetupError(
                f"what `up` would do now is more than what is left of {self.plan.file.name}, and nothing was changed:"
                f"{lines}\nTo go on, plan again and look at it: "
                f"make preview STACK={pulumi.stack.name} PLAN={self.plan.name}"
            )
        return ["--plan", str(file)] if any(map(_changes, left.values())) else None


def beyond(planned: Mapping[str, Any], left: Mapping[str, Any]) -> Iterator[str]:
    """What would be changed now and is not in the plan, or otherwise than there, a line a resource."""
    for urn, one in sorted(left.items()):
        before = planned.get(urn) or {}
        if not _changes(one):
            continue
        if not _changes(before):
            yield f"{short_name(urn)}: it does not change in the plan"
        elif other := list(_misfits(inputs_of(before), inputs_of(one))):
            yield f"{short_name(urn)}: {', '.join(other)}"


def _changes(planned: Mapping[str, Any]) -> bool:
    return any(step not in NO_CHANGE for step in planned.get("steps") or ())


def _misfits(planned: Any, now: Any, path: str = "") -> Iterator[str]:
    """Paths of inputs that differ from what the plan knew of them; what it did not know may be anything."""
    if isinstance(planned, str) and UNKNOWN in planned:
        return
    if isinstance(planned, Mapping) and isinstance(now, Mapping):
        for key in sorted({*planned, *now}):
            if not key.startswith("__"):
                yield from _misfits(planned.get(key, ABSENT), now.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(planned, list) and isinstance(now, list) and len(planned) == len(now):
        for number, (one, other) in enumerate(zip(planned, now, strict=True)):
            yield from _misfits(one, other, f"{path}.{number}")
    elif planned != now:
        yield path
