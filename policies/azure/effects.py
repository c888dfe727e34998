"""The `then` of a rule: what Azure does with a request that the `if` is true of
(https://learn.microsoft.com/azure/governance/policy/concepts/effect-basics).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies.azure.errors import UnknownConstructError
from policies.azure.expressions import Literal, Template
from policies.azure.reading import Reader
from policies.azure.rule import Node
from policies.azure.values import get

CHANGING = ("modify", "append")
EXISTENCE = ("auditifnotexists", "deployifnotexists")
KNOWN = ("deny", "audit", "disabled", "manual", "denyaction", *CHANGING, *EXISTENCE)
OPERATIONS = ("add", "addorreplace", "remove")


@dataclass(frozen=True)
class Operation:
    """One thing that modify or append does; `kind` is one of `OPERATIONS`, or `append`."""

    kind: str
    field: Template
    value: Template
    condition: Template


@dataclass(frozen=True)
class Effect:
    """What is done. The name may come from a parameter, so that the details are those of any of the effects."""

    name: Template
    operations: tuple[Operation, ...] = ()
    related_type: str = ""
    """The type whose existence auditIfNotExists and deployIfNotExists ask for."""
    itself: bool = False
    """That is the judged resource itself."""
    existence: Node | None = None


def read_effect(then: Mapping[str, Any], reader: Reader) -> Effect:
    """Reads the `then` of a rule.

    Raises:
        UnknownConstructError: names an effect or an operation that is not known.
    """
    written = get(then, "effect")
    if isinstance(written, str) and not written.startswith("["):
        require_effect(written)
    details = get(then, "details")
    name = reader.template(written)
    if isinstance(details, Sequence) and not isinstance(details, str):
        return Effect(name, tuple(_append(one, reader) for one in details))
    if not isinstance(details, Mapping):
        return Effect(name)
    if get(details, "operations") is not None:
        return Effect(name, tuple(_operation(one, reader) for one in get(details, "operations")))
    return _existence(name, details, reader)


def require_effect(name: str) -> str:
    """The effect in lower case.

    Raises:
        UnknownConstructError: it is not known.
    """
    if name.lower() not in KNOWN:
        raise UnknownConstructError(f"effect {name} is not known")
    return name.lower()


def _append(written: Mapping[str, Any], reader: Reader) -> Operation:
    return Operation("append", _target(written, reader), reader.template(get(written, "value")), Literal(True))


def _operation(written: Mapping[str, Any], reader: Reader) -> Operation:
    kind = str(get(written, "operation")).lower()
    if kind not in OPERATIONS:
        raise UnknownConstructError(f"operation {get(written, 'operation')} of modify is not known")
    condition = get(written, "condition")
    return Operation(
        kind,
        _target(written, reader),
        reader.template(get(written, "value")),
        Literal(True) if condition is None else reader.template(condition),
    )


def _target(written: Mapping[str, Any], reader: Reader) -> Template:
    return reader.field(get(written, "field"))


def _existence(name: Template, details: Mapping[str, Any], reader: Reader) -> Effect:
    """Only of the resource itself is the existence condition one on this request; the template of a deployment is never
    looked at.
    """
    itself = str(get(details, "name") or "").replace(" ", "").lower() in ("[field('name')]", "[field('fullname')]")
    condition = get(details, "existenceCondition")
    own = itself and get(details, "resourceGroupName") is None
    return Effect(
        name,
        related_type=str(get(details, "type") or ""),
        itself=own,
        existence=reader.node(condition) if own and condition is not None else None,
    )
