"""Plans in files: `make preview PLAN=file` writes what `up` would do, `make up PLAN=file` does that and nothing else.

The engine holds an `up` to its plan, but resource by resource: when it meets what does not fit, others have been
changed, and its message shows the values, secret ones too. So a plan is made again right before, and compared here.
What the engine then still refuses happened in between.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools import preflight, shell
from tools.data_origin import data_origin
from tools.plan import known
from tools.preview import ABSENT, LATER, differences, plan_of, planned
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.recover import short_name
from tools.stacks import Stack

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which the engine marks what is no plain value."""
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - it says that a value is a secret
SECRET = "[secret]"  # noqa: S105
SETS = ("dependencies", "deletes")
"""Lists whose order says nothing."""
MOST = 20


@dataclass(frozen=True)
class SavedPlan:
    """A plan as the engine wrote it; every secret in it is encrypted with the stack's key."""

    file: Path
    document: Mapping[str, Any]
    name: str = ""
    """The file as it was typed."""

    @classmethod
    def read(cls, name: str, stack: Stack) -> SavedPlan:
        """The plan in a file.

        Raises:
            SetupError: there is none, or it is another stack's.
        """
        file = Path(name).resolve()
        try:
            document = json.loads(file.read_text())
            found = cls(file, document, name)
            owners = {urn.split("::")[0].removeprefix("urn:pulumi:") for urn in document["resourcePlans"]}
        except OSError as error:
            raise SetupError(f"PLAN={name} cannot be read ({error.strerror}). {written(stack, name)}") from None
        except (ValueError, TypeError, KeyError):
            raise SetupError(f"PLAN={name} is no plan of Pulumi's. {written(stack, 'plan.json')}") from None
        if owners != {stack.name}:
            raise SetupError(f"PLAN={name} is a plan of stack {', '.join(sorted(owners))}, and this is {stack.name}")
        return found

    @cached_property
    def resources(self) -> dict[str, Any]:
        """What is planned of each resource, by URN, in a form that is the same for the same plan."""
        return {urn: _comparable(one) for urn, one in self.document["resourcePlans"].items()}

    @property
    def secrets(self) -> dict[str, Any]:
        """The encrypted values of the configuration, by key."""
        config: Mapping[str, Any] = self.document.get("config") or {}
        return {key: value for key, value in config.items() if isinstance(value, Mapping) and "secure" in value}

    def departures(self, now: SavedPlan) -> Iterator[str]:
        """In what a plan that was made `now` differs, a line a resource; values only of what is no secret."""
        for key in sorted({*self.secrets, *now.secrets}):
            if self.secrets.get(key) != now.secrets.get(key):
                yield f"secret {key}: it was set anew"
        for urn in sorted({*self.resources, *now.resources}):
            before, after = self.resources.get(urn), now.resources.get(urn)
            if before != after:
                yield f"{short_name(urn)}: {'; '.join(_difference(before, after))}"


def written(stack: Stack, name: str) -> str:
    """How such a file is made."""
    return f"Write one: make preview STACK={stack.name} PLAN={name}"


def is_plan(file: Path) -> bool:
    """Whether a file holds a plan, which another one may take the place of."""
    try:
        return "resourcePlans" in json.loads(file.read_text())
    except (OSError, ValueError, TypeError):
        return False


def save(stack: Stack, name: str) -> list[str]:
    """Writes what `up` would do with what there is now, and says it in lines. On Azure that asks the subscription.

    A stack that has never been there is made, without a resource: its key encrypts what is secret in the plan.

    Raises:
        SetupError: the program or a check failed, or the file cannot be written.
    """
    file = Path(name).resolve()
    if not file.parent.is_dir():
        raise SetupError(f"PLAN={name}: there is no folder {file.parent}")
    if file.exists() and not is_plan(file):
        raise SetupError(f"PLAN={name} is there and is no plan; it stays as it is. {written(stack, 'plan.json')}")
    pulumi = Pulumi(stack, shell.environment(stack))
    preflight.check(stack, pulumi.environment)
    data = data_origin(pulumi).line
    if not pulumi.exists():
        pulumi.create()
    pulumi.require_state()
    found = planned(pulumi, ["--save-plan", str(file)], looking=stack.emulated)
    then = f"The plan is in {name}. To do this and nothing else: make up STACK={stack.name} PLAN={name}"
    return [f"Plan of stack {stack.name} ({stack.cloud}), from its present state", "", *found, "", data, then]


def hold_to(pulumi: Pulumi, plan: SavedPlan) -> list[str]:
    """Arguments with which an `up` does what is planned and nothing else.

    Raises:
        SetupError: that is not what `up` would do now; says where it differs.
    """
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        file = Path(folder) / "now.json"
        plan_of(pulumi, ["--save-plan", str(file)])
        now = SavedPlan.read(str(file), pulumi.stack)
    found = list(plan.departures(now))
    if found:
        more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
        lines = "".join(f"\n  - {line}" for line in [*found[:MOST], *more])
        raise SetupError(
            f"{plan.file.name} is no longer what `up` would do, and nothing was changed. Program, stack file, state or "
            f"data have changed since it was made:{lines}\nTo go on, plan again and look at it: "
            f"make preview STACK={pulumi.stack.name} PLAN={plan.file}"
        )
    return ["--plan", str(plan.file)]


def _comparable(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET_SIGNATURE:
            return SECRET
        return {name: _comparable(inner, name) for name, inner in value.items() if name != "seed"}
    if isinstance(value, list):
        found = [_comparable(inner) for inner in value]
        return sorted(found) if key in SETS else found
    return value


def _difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[str]:
    if before is None or after is None:
        yield "it is not in the plan" if before is None else "it is in the plan alone"
        return
    if before.get("steps") != after.get("steps"):
        yield f"{_steps(before)} in the plan, {_steps(after)} now"
    old, new = inputs_of(before), inputs_of(after)
    later = LATER[False]
    changed = list(differences(known(old, later), known(new, later)))
    yield from changed
    if not changed and before.get("steps") == after.get("steps"):
        yield ", ".join(_options(before, after)) or "what it leaves behind"


def _steps(one: Mapping[str, Any]) -> str:
    return " and ".join(one.get("steps") or ["nothing"])


def inputs_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that the plan changes."""
    diff = (one.get("goal") or {}).get("inputDiff") or {}
    return {
        **(diff.get("adds") or {}),
        **(diff.get("updates") or {}),
        **dict.fromkeys(diff.get("deletes") or (), ABSENT),
    }


def _options(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names of the resource options that differ."""
    old, new = before.get("goal") or {}, after.get("goal") or {}
    return sorted(f"its {key}" for key in {*old, *new} if old.get(key) != new.get(key))
