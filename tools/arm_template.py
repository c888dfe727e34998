"""What a stack declares, as one ARM template: for reviewers, and for tools that read nothing else.

The template is that of a deployment into the stack's resource group. What lies elsewhere, the group itself included,
and what is declared on another resource says so by its `scope`. What Azure hands out only when a resource is made, and
every secret, is a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.resource_id import ResourceId
from emulator.resource_types import ResourceEntry, ResourceTable
from emulator.resource_types.conversion import request
from emulator.resource_types.entry import ID_OF_TYPE
from policies.resource import SECRET, UNKNOWN, Resource

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
GROUP = "azure-native:resources:ResourceGroup"


@dataclass
class _Parameters:
    """Collects what a template has to be told."""

    found: dict[str, dict[str, str]] = field(default_factory=dict)

    def replaced(self, value: Any, name: str) -> Any:
        """The value with parameters in it; text that only looks like an expression stays text."""
        if isinstance(value, Mapping):
            return {key: self.replaced(inner, f"{name}_{key}") for key, inner in value.items()}
        if isinstance(value, list):
            return [self.replaced(inner, f"{name}_{index}") for index, inner in enumerate(value)]
        if value in (UNKNOWN, SECRET):
            parameter = re.sub(r"\W", "_", name)
            self.found[parameter] = {"type": "string" if value == UNKNOWN else "securestring"}
            return f"[parameters('{parameter}')]"
        return f"[{value}" if isinstance(value, str) and value.startswith("[") else value


def arm_template(plan: Iterable[Resource], subscription: str) -> dict[str, Any]:
    """The template of everything that azure-native makes, sorted by id: the same plan gives the same template.

    Raises:
        UnknownResourceTypeError: the table of resource types lacks one.
    """
    table = ResourceTable.load()
    azure = [one for one in plan if one.type.startswith(ID_OF_TYPE)]
    entries = {one.urn: table.entry_for_token(one.type) for one in azure}
    requests = {one.urn: request(entries[one.urn], one.inputs, subscription) for one in azure}
    groups = [requests[one.urn].path for one in azure if one.type == GROUP]
    parameters = _Parameters()
    resources = []
    for one in sorted(azure, key=lambda other: requests[other.urn].path.lower()):
        before = sorted(requests[urn].path for urn in {*one.depends_on} if urn in requests)
        resources.append(
            {
                **_placed(entries[one.urn], requests[one.urn].path, groups),
                **({"dependsOn": before} if before else {}),
                **parameters.replaced(dict(sorted(requests[one.urn].body.items())), one.name),
            }
        )
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": dict(sorted(parameters.found.items())),
        "resources": resources,
    }


def _placed(entry: ResourceEntry, path: str, groups: Sequence[str]) -> dict[str, str]:
    """Type, version and name; the scope where it is not one of the groups that the plan makes."""
    found = ResourceId.parse(path)
    placed = {"type": found.type, "apiVersion": entry.api_version, "name": "/".join(found.names)}
    return placed if [found.scope] == groups[:1] else {**placed, "scope": found.scope}
