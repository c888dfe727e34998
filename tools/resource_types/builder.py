"""Builds the table's entry of one resource type from the SDK and the package that describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.resource_types.entry import Input, Operation, PathParameter, Place, ResourceEntry
from emulator.resource_types.layout import Move
from emulator.resource_types.path import PathTemplate
from emulator.resource_types.schema import NO_LIMITS, ModelReference
from tools.resource_types import targets
from tools.resource_types.autoname import autoname
from tools.resource_types.generic import generic_entry
from tools.resource_types.operation_choice import choose_put, holes_of
from tools.resource_types.read_only import ReadOnlyPaths
from tools.resource_types.syntax import letters

if TYPE_CHECKING:
    from tools.resource_types.nested_layouts import NestedLayouts
    from tools.resource_types.operations import PackageOperation
    from tools.resource_types.package import Package
    from tools.resource_types.placement import Placement
    from tools.resource_types.pulumi_sdk import PulumiModule, PulumiProperty

METHODS = ("DELETE", "GET", "PATCH", "PUT")
ENVELOPE = ("etag", "id", "identity", "kind", "location", "name", "properties", "sku", "systemData", "tags", "type")


class UnplacedInputError(Exception):
    """The package does not say where an input of the SDK goes."""


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds entries from one package and one module of the SDK."""

    package: Package
    module: PulumiModule
    placement: Placement
    layouts: NestedLayouts

    def build(self, token: str) -> ResourceEntry:
        """The entry of a type such as `storage:StorageAccount`; `LookupError` when the sources do not have it."""
        if token == targets.GENERIC:
            return generic_entry(self.package, token, targets.GENERIC_PATH, targets.GENERIC_VERSION)
        name = token.split(":")[1]
        pulumi = self.module.resource(name)
        put = choose_put(name, self.package.operations, self.placement, pulumi.inputs)
        same = {one.method: one for one in self.package.operations if one.same_path(put.path) and one.method in METHODS}
        holes = holes_of(put, pulumi.inputs)
        body = ModelReference(put.body or "")
        response = ModelReference((same["GET"].response if "GET" in same else put.response) or put.body or "")
        return ResourceEntry(
            token=f"azure-native:{token}",
            api_version=pulumi.api_version,
            model_api_version=put.request.api_version or pulumi.api_version,
            path=PathTemplate(put.path.replace("/resourcegroups/", "/resourceGroups/")),
            parameters=_parameters(put, holes, pulumi.inputs),
            operations={method: Operation(one.body, one.long_running) for method, one in sorted(same.items())},
            inputs={wire: self._input(token, put, wire, item) for wire, item in sorted(pulumi.inputs.items())},
            outputs=self._outputs(response, pulumi.outputs),
            read_only=frozenset(ReadOnlyPaths(self.package.schema).find(body, response)),
            autoname=autoname(put.path, holes, pulumi.inputs),
            created_by_azure=token in targets.CREATED_BY_AZURE,
            schema=self.package.schema,
            layouts=self.layouts.found,
        )

    def _input(self, token: str, put: PackageOperation, wire: str, item: PulumiProperty) -> Input:
        holes = {filled: hole for hole, filled in holes_of(put, [wire]).items() if filled}
        if wire in holes:
            return Input(Place("path", (holes[wire],)), item.required, replaces=True)
        found = self.placement.find(wire, ModelReference(put.body or ""), read_only=False)
        if found is None:
            return Input(Place("query", (_query_name(token, put, wire),)), item.required)
        at, property_ = found
        layout = self.layouts.layout_of(item.type, property_.type, output=False)
        listed = wire in targets.REPLACING_INPUTS.get(token, ()) or (wire == "location" and len(at) == 1)
        return Input(Place("body", at, layout), item.required, replaces=listed or property_.create_only)

    def _outputs(self, response: ModelReference, outputs: dict[str, PulumiProperty]) -> dict[str, Move]:
        written = {}
        for wire, item in sorted(outputs.items()):
            if wire == "azureApiVersion":  # the provider's own
                continue
            found = self.placement.find(wire, response, read_only=True)
            if found is None:
                written[wire] = Move((wire,) if wire in ENVELOPE else ("properties", wire))
                continue
            at, property_ = found
            written[wire] = Move(at, self.layouts.layout_of(item.type, property_.type, output=True))
        return written


def _query_name(token: str, put: PackageOperation, wire: str) -> str:
    for name in put.request.query:
        if letters(name) == letters(wire):
            return name
    raise UnplacedInputError(f"{token}: nothing in {put.path} takes the input {wire!r}")


def _parameters(
    put: PackageOperation, holes: dict[str, str | None], inputs: dict[str, PulumiProperty]
) -> dict[str, PathParameter]:
    parameters = {}
    for hole, wire in holes.items():
        known = put.request.holes.get(hole)
        type_ = inputs[wire].type if wire else None
        values = type_.values if type_ and not type_.open else ()
        parameters[hole] = PathParameter(wire, known.limits if known else NO_LIMITS, values)
    return parameters
