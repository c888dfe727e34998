"""The table's entry of azure-native's generic resource, held to the published model of what it stands for here.

The generic resource takes any type, version and body. An entry of it takes one type, so that a wrong version, name or
property is found as it is with every other resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.resource_types.entry import Input, Operation, PathParameter, Place, ResourceEntry
from emulator.resource_types.layout import Move
from emulator.resource_types.path import HOLE, PathTemplate
from emulator.resource_types.schema import NO_LIMITS, ModelReference
from tools.resource_types.read_only import ReadOnlyPaths

if TYPE_CHECKING:
    from tools.resource_types.package import Package

METHODS = ("DELETE", "GET", "PUT")


def generic_entry(package: Package, token: str, path: str, version: str) -> ResourceEntry:
    """The entry for one type below another one; `LookupError` when the package does not have its path."""
    same = {one.method: one for one in package.operations if one.same_path(path) and one.method in METHODS}
    if "PUT" not in same:
        raise LookupError(f"the package has no PUT of {path}")
    put, get = same["PUT"], same["GET"]
    namespace, parent, _, kind, _ = path.split("/providers/")[1].split("/")
    above, own = HOLE.findall(path)[-2:]
    known = {hole: found.limits for hole, found in put.request.holes.items()}
    fixed = {"apiVersion": version, "resourceProviderNamespace": namespace, "resourceType": kind}
    filled = {"resourceGroupName": "resourceGroupName", above: "parentResourcePath", own: "resourceName"}
    return ResourceEntry(
        token=f"azure-native:{token}",
        api_version=version,
        model_api_version=put.request.api_version or version,
        path=PathTemplate(path),
        parameters={
            **{name: PathParameter(name, NO_LIMITS, (value,)) for name, value in fixed.items()},
            "subscriptionId": PathParameter(None, NO_LIMITS),
            **{
                hole: PathParameter(name, known.get(hole, NO_LIMITS), prefix=f"{parent}/" if hole == above else "")
                for hole, name in filled.items()
            },
        },
        operations={method: Operation(one.body, one.long_running) for method, one in sorted(same.items())},
        inputs={
            **{name: Input(Place("path", (name,)), required=True, replaces=True) for name in fixed},
            **{name: Input(Place("path", (hole,)), required=True, replaces=True) for hole, name in filled.items()},
            "properties": Input(Place("body", ("properties",)), required=True),
        },
        outputs={name: Move((name,)) for name in ("name", "properties", "type")},
        read_only=frozenset(
            ReadOnlyPaths(package.schema).find(ModelReference(put.body or ""), ModelReference(get.response or ""))
        ),
        autoname=None,
        created_by_azure=False,
        schema=package.schema,
        layouts={},
    )
