"""What another hand does to a stack's resources behind its back, through ARM: `python -m tests.local.by_hand`.

Runs in the stack's shell. `disturb` and `make` take a file with what they are told, and print JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from emulator.resource_types import ResourceTable
from emulator.resource_types.conversion import request_body
from emulator.resource_types.entry import ResourceEntry
from ml.clients.errors import CloudError
from ml.clients.operations import delete_and_wait, put_and_wait

OTHER_WORDS = {"None": "Blob", "Enabled": "Disabled", "Disabled": "Enabled", "Allow": "Deny", "Deny": "Allow"}
"""For words that Azure knows only a few of."""

Resource = Mapping[str, Any]
Steps = tuple[str | int, ...]
FIXED = ("location", "kind", "identity", "type", "tenantId")
"""Azure changes these on nothing that exists, or whatever else is said of it follows from them."""


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
        done.append("tags/changed-by")
    ranks = {bool: 0, int: 1, float: 1, str: 2}
    found = sorted(leaves(said.get("properties", {}), ("properties",)), key=lambda leaf: ranks.get(type(leaf[1]), 3))
    for steps, value in found:
        try:
            put_and_wait(path, entry.api_version, changed(said, steps, another(value)))
        except CloudError:
            continue
        return [*done, "/".join(map(str, steps))]
    if done:
        put_and_wait(path, entry.api_version, said)
    return done


def disturb(resources: Sequence[Resource], change_these: Sequence[str], delete_these: Sequence[str]) -> dict[str, Any]:
    """Changes some and deletes others; what was changed of each, by URN."""
    done = {}
    for resource in resources:
        entry = ResourceTable.load().entry_for_token(resource["type"])
        if resource["urn"] in change_these:
            done[resource["urn"]] = change(resource, entry)
        if resource["urn"] in delete_these:
            delete_and_wait(resource["id"], entry.api_version)
    return done


def make(wanted: Sequence[Mapping[str, Any]]) -> list[str]:
    """Makes resources as another program would: each by its id, the type's name in azure-native, and its body."""
    for one in wanted:
        put_and_wait(one["id"], ResourceTable.load().entry_for_token(one["type"]).api_version, one["body"])
    return [one["id"] for one in wanted]


def main(verb: str, file: str) -> object:
    """What was done."""
    told = json.loads(Path(file).read_text())
    return make(told["wanted"]) if verb == "make" else disturb(told["resources"], told["change"], told["delete"])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
