"""What another hand does to a stack's resources behind its back, through ARM: `python -m tests.local.by_hand`.

Runs in the stack's shell. `look`, `change` and `delete` take the file of an exported state and print JSON by URN.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from emulator.resource_types import ResourceTable
from emulator.resource_types.conversion import request_body
from emulator.resource_types.entry import ResourceEntry
from ml.clients.arm import arm
from ml.clients.errors import CloudError
from ml.clients.operations import delete_and_wait, put_and_wait

OTHER_WORDS = {"None": "Blob", "Enabled": "Disabled", "Disabled": "Enabled", "Allow": "Deny", "Deny": "Allow"}
"""For words that Azure knows only a few of."""

Resource = Mapping[str, Any]
Steps = tuple[str | int, ...]
FIXED = ("location", "kind", "identity", "type", "tenantId")
"""Azure changes these on nothing that exists, or whatever else is said of it follows from them."""


def azure(state: Mapping[str, Any]) -> Iterator[tuple[Resource, ResourceEntry]]:
    """The resources that lie in the cloud, with what the table knows of their type."""
    for resource in state["deployment"]["resources"]:
        if resource["type"].startswith("azure-native:"):
            yield resource, ResourceTable.load().entry_for_token(resource["type"])


def document(resource: Resource, entry: ResourceEntry) -> dict[str, Any]:
    """What the cloud has in the places of which the program says something; of tags all there are."""
    found = arm().send("GET", resource["id"], entry.api_version).json()
    said = request_body(entry, resource["inputs"])
    return {key: found.get(key) if key == "tags" else projected(found.get(key), value) for key, value in said.items()}


def projected(found: Any, said: Any) -> Any:
    """The part of a value that another one has a word about."""
    if isinstance(said, Mapping) and isinstance(found, Mapping):
        return {key: projected(found.get(key), value) for key, value in said.items()}
    return found


def leaves(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every single value in a body; switches first, then numbers, then words."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in FIXED:
                yield from leaves(inner, (*steps, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*steps, number))
    else:
        yield steps, value


def another(value: Any) -> Any:
    """A value of the same kind."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else OTHER_WORDS.get(value, f"{value}x")


def changed(body: Mapping[str, Any], steps: Steps, value: Any) -> dict[str, Any]:
    """The body with one value in place of another."""
    result = dict(deepcopy(body))
    place: Any = result
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    return result


def change(resource: Resource, entry: ResourceEntry) -> list[str]:
    """Adds a tag where there are tags, and changes the first property that Azure lets anybody change."""
    path, done = resource["id"], []
    said = request_body(entry, resource["inputs"])
    if "tags" in said:
        said["tags"] = {**said["tags"], "changed-by": "hand"}
        put_and_wait(path, entry.api_version, said)
        done.append("tags/changed-by")
    ranks = {bool: 0, int: 1, float: 1, str: 2}
    found = sorted(leaves(said.get("properties", {}), ("properties",)), key=lambda leaf: ranks.get(type(leaf[1]), 3))
    for steps, value in found:
        try:
            put_and_wait(path, entry.api_version, changed(said, steps, another(value)))
        except CloudError:
            continue
        return [*done, "/".join(map(str, steps))]
    return done


def is_leaf(resource: Resource, state: Mapping[str, Any]) -> bool:
    """Whether nothing that is in the stack needs it."""
    others = state["deployment"]["resources"]
    needed = {urn for other in others for urn in (*other.get("dependencies", ()), other.get("parent"))}
    return resource["urn"] not in needed and not resource.get("protect")


def main(verb: str, file: str) -> dict[str, Any]:
    """What was found or done, by URN."""
    state = json.loads(Path(file).read_text())
    if verb == "look":
        return {resource["urn"]: document(resource, entry) for resource, entry in azure(state)}
    if verb == "change":
        return {resource["urn"]: change(resource, entry) for resource, entry in azure(state)}
    gone = [(resource, entry) for resource, entry in azure(state) if is_leaf(resource, state)]
    for resource, entry in gone:
        delete_and_wait(resource["id"], entry.api_version)
    return {resource["urn"]: [] for resource, _ in gone}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
