"""What the engine says of a plan (`pulumi preview --json`), as typed steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from policies.resource import SECRET, Resource


class Op(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


OPS = {**{op.value: op for op in Op}, "import": Op.CREATE, "import-replacement": Op.REPLACE}
# Parts of a replacement, which the engine also lists by themselves.
PARTS = ("create-replacement", "delete-replaced", "discard-replaced", "remove-pending-replace", "read-replacement")
SIGNATURE = "4dabf18193072939515e22adb298388d"  # pulumi/sdk/go/common/resource/sig
STACK, PROVIDERS = "pulumi:pulumi:Stack", "pulumi:providers:"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource that changes. Inputs are as the engine shows them: secrets masked, `UNKNOWN` for what is later."""

    urn: str
    type: str
    op: Op
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    old_outputs: Mapping[str, Any] = field(default_factory=dict)
    replaced_by: Sequence[str] = ()
    """Properties whose change makes it another resource."""
    changed: Sequence[str] = ()
    """Properties that the provider says differ."""
    protect: bool = False
    parent: str = ""
    dependencies: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def kind(self) -> str:
        """The last word of its type: `StorageAccount`."""
        return self.type.rsplit(":", 1)[-1]

    @property
    def component(self) -> str:
        """The component that it belongs to, by its parent's name; "" for one of the program itself."""
        return "" if STACK in self.parent else self.parent.rsplit("::", 1)[-1]

    @property
    def own(self) -> bool:
        """Whether it is a step of a model's life, and no resource of Azure's."""
        return self.type.startswith("pulumi-python:dynamic/ml:")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All of a plan: what changes, and every resource before and after."""

    steps: Sequence[Step]
    before: Sequence[Resource]
    after: Sequence[Resource]
    unchanged: int
    hidden: int = 0
    """Steps of the stack itself, of components and of providers, which nobody reviews."""
    holders: Mapping[str, str] = field(default_factory=dict)
    """By the URN of a role assignment, who gets the role: the logical name of an identity or a resource."""
    messages: Sequence[str] = ()
    """Warnings and errors of program and providers, each once, sorted."""

    def of(self, *ops: Op) -> list[Step]:
        """The steps of these kinds."""
        return [step for step in self.steps if step.op in ops]


def read(document: Mapping[str, Any], state: Iterable[Mapping[str, Any]] = ()) -> Plan:
    """A plan from the engine's document and the resources of the state it was held against."""
    entries = sorted(document.get("steps") or [], key=lambda one: (one["urn"], one["op"]))
    known = [step_of(one) for one in entries if one["op"] in OPS]
    components = {one["urn"] for one in entries if _is_component(one)}
    steps = [step for step in known if not _is_noise(step.urn) and step.urn not in components]
    earlier = [one for one in state if not one.get("delete")]
    later = [one["newState"] for one in entries if one.get("newState") and one["op"] not in (*PARTS, "delete")]
    return Plan(
        steps=tuple(steps),
        before=tuple(map(resource, earlier)),
        after=tuple(map(resource, later)),
        unchanged=sum(one["op"] == "same" and one["urn"] not in components for one in entries),
        hidden=len(known) - len(steps),
        holders={one["urn"]: who for one in [*earlier, *later] if (who := holder(one))},
        messages=tuple(messages(document)),
    )


def step_of(entry: Mapping[str, Any]) -> Step:
    """One step of the engine's."""
    old, new = entry.get("oldState") or {}, entry.get("newState") or {}
    state = new or old
    return Step(
        urn=entry["urn"],
        type=state.get("type") or entry["urn"].split("::")[2].rsplit("$", 1)[-1],
        op=OPS[entry["op"]],
        old=old.get("inputs") or {},
        new=new.get("inputs") or {},
        old_outputs=old.get("outputs") or {},
        replaced_by=tuple(sorted(replacing(entry))),
        changed=tuple(sorted(entry.get("detailedDiff") or entry.get("diffReasons") or ())),
        protect=bool(old.get("protect")),
        parent=state.get("parent") or "",
        dependencies=tuple(state.get("dependencies") or ()),
    )


def replacing(entry: Mapping[str, Any]) -> Iterable[str]:
    """The properties that make it another resource; nested ones where the provider tells them."""
    detailed = [path for path, one in (entry.get("detailedDiff") or {}).items() if one["kind"].endswith("replace")]
    return detailed or entry.get("replaceReasons") or ()


def resource(state: Mapping[str, Any]) -> Resource:
    """A resource of a state, as rules and estimates see it."""
    return Resource(
        urn=state["urn"],
        type=state["type"],
        inputs={key: masked(value) for key, value in (state.get("inputs") or {}).items() if not key.startswith("__")},
        parent=state.get("parent") or "",
        depends_on=tuple(state.get("dependencies") or ()),
        protect=bool(state.get("protect")),
    )


def masked(value: Any) -> Any:
    """A value of a state as the engine shows it: encrypted parts, which a state keeps with a signature, are masked."""
    if isinstance(value, Mapping):
        return SECRET if SIGNATURE in value else {key: masked(inner) for key, inner in value.items()}
    return [masked(inner) for inner in value] if isinstance(value, list) else value


def holder(state: Mapping[str, Any]) -> str:
    """The resource that a state's `principalId` is of; "" where it is no resource's."""
    found = (state.get("propertyDependencies") or {}).get("principalId") or ()
    return str(found[0]).rsplit("::", 1)[-1] if found else ""


def messages(document: Mapping[str, Any]) -> list[str]:
    """Warnings and errors, sorted, each once."""
    found = {
        f"{one['severity']}: {one['message'].strip().removeprefix(one['severity'] + ': ')}"
        for one in document.get("diagnostics") or []
        if one.get("severity") in ("warning", "error") and one.get("message", "").strip()
    }
    return sorted(found)


def _is_component(entry: Mapping[str, Any]) -> bool:
    """Whether a step is about a component, which is nothing but the resources in it."""
    return not (entry.get("newState") or entry.get("oldState") or {}).get("custom")


def _is_noise(urn: str) -> bool:
    return f"{STACK}::" in urn or f"::{PROVIDERS}" in urn
