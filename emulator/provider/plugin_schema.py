"""The plugin's schema: enough for `pulumi import` to write code, with every property of any type.

Format: https://www.pulumi.com/docs/iac/extending-pulumi/schema/.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.resource_types import ResourceEntry, ResourceTable


def plugin_schema(table: ResourceTable) -> dict[str, Any]:
    """The schema as a JSON object."""
    resources = {token: _resource(table.entry_for_token(token)) for token in table.tokens}
    return {"name": "azure-native", "version": table.plugin_version, "resources": resources}


def _resource(entry: ResourceEntry) -> dict[str, Any]:
    return {
        "inputProperties": _properties(entry.inputs),
        "requiredInputs": [name for name, one in entry.inputs.items() if one.required],
        "properties": _properties(entry.outputs),
    }


def _properties(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": "pulumi.json#/Any"} for name in names if name not in ("id", "urn")}
