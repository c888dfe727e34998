"""The program's stacks as the engine hands them to a pack, and copies with one thing changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from policies.resource import UNKNOWN, Resource
from tests.program.azure.stacks import CONFIGURATIONS, declared
from tests.program.recorder import Registered

STACK_URN = "urn:pulumi:prod::mlops::pulumi:pulumi:Stack::mlops-prod"
SIGNED_IN = "prod-signed-in"
"""The stack prod without its exemption for the endpoint: clients sign in."""
GONE = object()
"""Stands for a property that is taken away."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | bool | int | float) else UNKNOWN


def _resource(one: Registered) -> Resource:
    inputs = {key: _plain(value) for key, value in one.inputs.items() if not key.startswith("__")}
    return Resource(one.urn, one.type, inputs, one.parent, tuple(sorted(one.depends_on)), one.protect)


@dataclass(frozen=True)
class Plan:
    """All resources of a stack, and its configuration."""

    config: Mapping[str, Any]
    resources: Sequence[Resource]

    def named(self, name: str) -> Resource:
        """The one resource that Azure, or one of our providers, makes under this name."""
        (found,) = [one for one in self.resources if one.name == name and not one.type.startswith("mlops:")]
        return found


@cache
def plan(name: str) -> Plan:
    """A stack of `tests/program/azure/stacks.py`, with its outputs; or `SIGNED_IN`."""
    if name == SIGNED_IN:
        prod = plan("prod-private")
        resources = changed("bike_buyer-endpoint", "properties/authMode", "AADToken")(prod)
        kept = [one for one in prod.config["policy"]["exemptions"] if one["resource"] != "bike_buyer-endpoint"]
        return Plan({**prod.config, "policy": {"exemptions": kept}}, resources)
    recording = declared(name).recording
    root = Resource(STACK_URN, "pulumi:pulumi:Stack", _plain(recording.exports))
    return Plan(CONFIGURATIONS[name], [root, *(_resource(one) for one in recording.resources)])


def put(one: Resource, path: str, value: Any) -> Resource:
    """A copy with another value at a path such as `securityRules.0.access`; `GONE` takes it away. `protect`,
    `depends_on` and `type` are the resource's own.
    """
    if path in ("protect", "depends_on", "type"):
        return replace(one, **{path: value})
    inputs = copy.deepcopy(dict(one.inputs))
    *above, last = path.split("/")
    holder: Any = inputs
    for step in above:
        holder = holder[int(step)] if isinstance(holder, list) else holder.setdefault(step, {})
    if value is GONE:
        del holder[last]
    elif isinstance(holder, list):
        holder[int(last)] = value
    else:
        holder[last] = value
    return replace(one, inputs=inputs)


Change = Callable[[Plan], Sequence[Resource]]
"""Makes of a stack the resources that are there after a change."""


def changed(name: str, path: str, value: Any) -> Change:
    """One property of one resource."""

    def change(found: Plan) -> Sequence[Resource]:
        old = found.named(name)
        return [put(one, path, value) if one is old else one for one in found.resources]

    return change


def removed(*names: str) -> Change:
    """Resources that are gone."""

    def change(found: Plan) -> Sequence[Resource]:
        gone = [found.named(name) for name in names]
        return [one for one in found.resources if one not in gone]

    return change


def added(type_: str, name: str, **inputs: Any) -> Change:
    """One resource more."""
    one = Resource(f"urn:pulumi:prod::mlops::{type_}::{name}", type_, inputs)
    return lambda found: [*found.resources, one]
