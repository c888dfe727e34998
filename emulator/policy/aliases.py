"""The aliases of the types that the emulator knows: every property of a published model, named as Azure names nearly
all of them, without the `properties` containers. Names that Azure made otherwise come with the definitions' own table.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from emulator.resource_types import ResourceEntry, ResourceTable
from emulator.resource_types.schema import ArmType, ArrayOf, InlineObject, ModelReference
from policies.azure.aliases import Alias

CONTAINER = "properties"


@cache
def model_aliases() -> dict[str, tuple[Alias, ...]]:
    """By resource type in lower case."""
    table = ResourceTable.load()
    entries = {"/".join(entry.path.key): entry for entry in map(table.entry_for_token, table.tokens)}
    return {kind: tuple(_of_type(kind, entry)) for kind, entry in entries.items()}


def _of_type(kind: str, entry: ResourceEntry) -> Iterator[Alias]:
    body = entry.body_type()
    named: set[str] = set()
    for path in _paths(entry, body, "", ()) if body else ():
        short = ".".join(word for word in path.split(".") if word != CONTAINER)
        if short and short not in named:
            named.add(short)
            yield Alias.of(f"{kind}/{short}", kind, path)


def _paths(entry: ResourceEntry, at: ArmType, path: str, inside: tuple[str, ...]) -> Iterator[str]:
    """`properties.rules[*].value`, and everything above it; of a model inside itself, once."""
    if path:
        yield path
    if isinstance(at, ArrayOf):
        yield from _paths(entry, at.items, f"{path}[*]", inside)
    elif isinstance(at, InlineObject):
        yield from _properties(entry, at, path, inside)
    elif isinstance(at, ModelReference) and at.name not in inside:
        for name in (at.name, *entry.schema.descendants(at.name).values()):
            yield from _properties(entry, ModelReference(name), path, (*inside, at.name))


def _properties(entry: ResourceEntry, at: ArmType, path: str, inside: tuple[str, ...]) -> Iterator[str]:
    for name, one in entry.schema.properties(at).items():
        yield from _paths(entry, one.type, f"{path}.{name}" if path else name, inside)
