"""All resources as a tree, through the lists that every client has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.pages.client import SUBSCRIPTION, Json
from emulator.pages.cloud import ALL, Cloud
from emulator.resource_id import ResourceId

GROUP = "Microsoft.Resources/resourceGroups"
EXTENSIONS = frozenset(
    {"Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/locks", "Microsoft.Resources/tags"}
)


@dataclass
class Node:
    """A resource with what lives in it."""

    document: Json
    kind: str
    inside: list[Node] = field(default_factory=list)
    beside: list[Node] = field(default_factory=list)
    """What other services lay on it: role assignments, locks, tags, diagnostic settings."""

    @property
    def count(self) -> int:
        """Resources below it."""
        return sum(1 + node.count for node in (*self.inside, *self.beside))


def every(cloud: Cloud) -> list[Node]:
    """The roots: resource groups, and what lies at the subscription itself."""
    nodes: dict[str, Node] = {}
    for document in documents(cloud):
        identity = ResourceId.parse(document["id"])
        nodes[identity.key] = Node(document, identity.type)
    roots: list[Node] = []
    for key, node in nodes.items():
        owner = nodes.get((ResourceId.parse(key).parent or "").lower())
        if owner is None:
            roots.append(node)
        else:
            (owner.beside if lies_on(node, owner) else owner.inside).append(node)
    for node in nodes.values():
        for part in (node.inside, node.beside):
            part.sort(key=lambda one: (one.kind.lower(), str(one.document["name"])))
    return roots


def lies_on(node: Node, owner: Node) -> bool:
    """Whether a resource is an extension of another, and not a part of it."""
    if owner.kind == GROUP:
        return node.kind in EXTENSIONS
    return not node.kind.lower().startswith(f"{owner.kind.lower()}/")


def documents(cloud: Cloud) -> Iterator[Json]:
    """Every resource, those above first."""
    types = cloud.client.types()
    for kind in types:
        provider, *path = kind.split("/")
        if len(path) > 1:
            continue
        collection = f"{SUBSCRIPTION}/resourceGroups" if kind == GROUP else ""
        for document in cloud.listed(collection or f"{SUBSCRIPTION}/providers/{provider}/{path[0]}"):
            yield from with_children(cloud, document, kind, types)


def with_children(cloud: Cloud, document: Json, kind: str, types: list[str]) -> Iterator[Json]:
    """A resource and what lives in it, at any depth."""
    yield document
    for inner in types:
        owner, _, collection = inner.rpartition("/")
        if owner.lower() == kind.lower():
            for child in cloud.below(document["id"], collection, **ALL):
                yield from with_children(cloud, child, inner, types)
