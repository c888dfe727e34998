"""Between the engine's protocol (`pulumi/analyzer.proto`) and resources as rules see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

from policies.resource import SECRET, UNKNOWN, Resource

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key of a mapping that stands for something else: a secret, an asset, an archive."""
OF_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - what the engine marks one with
OTHER_UNKNOWNS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""For truth values, numbers, lists, assets, archives and mappings the engine has a mark of its own."""


def plain(value: Any) -> Any:
    """A value without the engine's wrapping. Secrets arrive in plain text: they are left out here, once for all."""
    if isinstance(value, str):
        return UNKNOWN if value in OTHER_UNKNOWNS else value
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, dict):
        if value.get(SIGNATURE) == OF_SECRET:
            return SECRET
        return {key: plain(inner) for key, inner in value.items() if key != SIGNATURE}
    return value


def inputs(properties: struct_pb2.Struct) -> dict[str, Any]:
    """What the program says of a resource; keys that begin with two underscores are Pulumi's own."""
    found = json_format.MessageToDict(properties)
    return {key: plain(value) for key, value in found.items() if not key.startswith("__")}


def resource(message: Any, said: Mapping[str, Any]) -> Resource:
    """The resource of a request to analyse one, or of one in a request to analyse all."""
    before = set(getattr(message, "dependencies", ()))
    for found in getattr(message, "propertyDependencies", {}).values():
        before |= set(found.urns)
    return Resource(
        urn=message.urn,
        type=message.type,
        inputs=said,
        parent=getattr(message, "parent", "") or message.options.parent,
        depends_on=tuple(sorted(before)),
        protect=message.options.protect,
    )


def merge(into: struct_pb2.Struct, more: Mapping[str, Any]) -> None:
    """Adds values to what the engine sent, which keeps its secrets and unknowns."""
    for key, value in more.items():
        if isinstance(value, Mapping) and key in into and isinstance(into[key], struct_pb2.Struct):
            merge(into[key], value)
        else:
            into[key] = value
