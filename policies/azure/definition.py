"""One policy definition, read so that it can be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from policies.azure.aliases import Aliases
from policies.azure.effects import Effect, read_effect
from policies.azure.errors import UnknownConstructError
from policies.azure.expressions import Literal, Structure, Template
from policies.azure.reading import Reader
from policies.azure.rule import AllOf, AnyOf, FieldCondition, Node
from policies.azure.values import folded, get

MODES = ("all", "indexed")


@dataclass(frozen=True)
class Rule:
    """When something is done, and what."""

    condition: Node
    effect: Effect
    types: frozenset[str] | None
    """The resource types, in lower case, that it can be about; `None` when it does not say."""
    of_types_alone: bool = False
    """Nothing of a resource but its type is looked at, and not one type either."""


@dataclass(frozen=True)
class Definition:
    """A definition. `problem` names what of it is not known; then there is no rule."""

    id: str
    name: str
    """A GUID of Azure's own ones."""
    title: str
    mode: str
    defaults: Mapping[str, Any]
    """Default values of parameters, by name in lower case."""
    parameters: frozenset[str] = frozenset()
    """All of its parameters, in lower case."""
    rule: Rule | None = None
    problem: str = ""

    @property
    def by_service(self) -> bool:
        """Whether a service judges it inside of itself, as Kubernetes does: `Microsoft.Kubernetes.Data`."""
        return self.mode.lower() not in MODES

    @property
    def indexed(self) -> bool:
        """Whether it is about types with tags and a location only."""
        return self.mode.lower() == "indexed"


def read_definition(document: Mapping[str, Any], aliases: Aliases) -> Definition:
    """Reads a definition as the policy API or a file of Azure's own ones has it.

    Raises:
        UnknownConstructError: it is no policy definition at all.
    """
    properties = document.get("properties")
    if not isinstance(properties, Mapping) or not isinstance(properties.get("policyRule"), Mapping):
        raise UnknownConstructError("there is no properties.policyRule in it")
    parameters = properties.get("parameters") or {}
    name = str(document.get("name") or str(document.get("id", "")).rsplit("/", 1)[-1])
    read = Definition(
        id=str(document.get("id") or name),
        name=name,
        title=str(properties.get("displayName") or name),
        mode=str(properties.get("mode") or "All"),
        defaults={key.lower(): one["defaultValue"] for key, one in parameters.items() if "defaultValue" in one},
        parameters=frozenset(key.lower() for key in parameters),
    )
    return read if read.by_service else with_rule(read, properties["policyRule"], aliases)


def with_rule(definition: Definition, rule: Mapping[str, Any], aliases: Aliases) -> Definition:
    """The definition with its rule; with a problem when something in it is not known."""
    reader = Reader(aliases)
    try:
        condition = reader.node(get(rule, "if"))
        types = types_of(condition)
        alone = types is None and reader.asked == {"type"}
        effect = read_effect(get(rule, "then") or {}, reader)
    except UnknownConstructError as error:
        return replace(definition, problem=str(error))
    return replace(definition, rule=Rule(condition, effect, types, alone))


def types_of(node: Node) -> frozenset[str] | None:
    """The types that a rule asks for at its top, so that it need not be judged on others."""
    if isinstance(node, AllOf):
        return next((asked for part in node.parts if (asked := types_of(part)) is not None), None)
    if isinstance(node, AnyOf):
        found = [asked for part in node.parts if (asked := types_of(part)) is not None]
        return frozenset().union(*found) if len(found) == len(node.parts) else None
    if isinstance(node, FieldCondition) and _literal(node.field) == "type":
        wanted = node.operand.wanted
        if node.operand.operator == "equals" and isinstance(value := _literal(wanted), str):
            return frozenset({folded(value)})
        if node.operand.operator == "in" and isinstance(wanted, Structure):
            named = [_literal(one) for one in wanted.value]
            return frozenset(map(folded, named)) if all(isinstance(one, str) for one in named) else None
    return None


def _literal(read: Template) -> Any:
    return read.value if isinstance(read, Literal) else None
