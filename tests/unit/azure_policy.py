"""Small definitions and requests for the tests of Azure Policy's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from policies.azure.aliases import Alias, Aliases
from policies.azure.assignment import Assigned
from policies.azure.definition import Definition, read_definition
from policies.azure.judging import Judgement
from policies.azure.subject import Facts, Subject
from policies.azure.verdict import Verdict

TYPE = "Microsoft.Example/things"
GROUP_ID = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-a"
ALIASES = Aliases(
    Alias.of(f"{TYPE}/{name}", TYPE, path, filled_in=name.startswith("connections"))
    for name, path in {
        "access": "properties.access",
        "days": "properties.days",
        "sku.name": "sku.name",
        "rules[*]": "properties.rules[*]",
        "rules[*].value": "properties.rules[*].value",
        "rules[*].ports[*]": "properties.rules[*].ports[*]",
        "connections[*]": "properties.connections[*]",
    }.items()
)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def definition(
    rule: Any, effect: Any = "audit", parameters: Mapping[str, Any] | None = None, **more: Any
) -> Definition:
    """A definition about `TYPE` with one more condition."""
    condition = {"allOf": [{"field": "type", "equals": TYPE}, rule]}
    then = effect if isinstance(effect, dict) else {"effect": effect}
    policy = {"displayName": "Things are safe", "mode": "Indexed", "parameters": dict(parameters or {}), **more}
    return read_definition(
        {"name": "d1", "properties": {**policy, "policyRule": {"if": condition, "then": then}}}, ALIASES
    )


def subject(properties: Any = None, **more: Any) -> Subject:
    """A request for a thing; what is not given of a body is left out."""
    of_subject = {key: more.pop(key) for key in ("indexed", "read_only", "urn") if key in more}
    body = {"location": "West Europe", **more, **({} if properties is None else {"properties": properties})}
    return Subject.of(f"{GROUP_ID}/providers/{TYPE}/a", "2025-01-01", body, **of_subject)


def judgement(
    rule: Any,
    on: Subject,
    effect: Any = "audit",
    parameters: Mapping[str, Any] | None = None,
    *,
    facts: Facts | None = None,
    **assigned: Any,
) -> Judgement:
    """A definition on a request."""
    made = Assigned(definition(rule, effect, parameters), **assigned)
    return Judgement(made, on, facts or Facts(now=NOW), ALIASES)


def verdict(rule: Any, on: Subject, effect: Any = "audit", **more: Any) -> Verdict | None:
    """What is said of it."""
    return judgement(rule, on, effect, **more).verdict


def truth(rule: Any, on: Subject, **more: Any) -> Any:
    """Whether a rule is true of it."""
    return judgement(rule, on, **more).answer().truth
