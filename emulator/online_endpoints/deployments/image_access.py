"""Whether an endpoint may pull an image: its identity must have a role that reads the registry."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.container_instances.registry_access import REGISTRY, readers_of, same_server
from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import workspace_id
from emulator.store import Document, Store


def check_image_access(store: Store, endpoint: Document, image: str) -> None:
    """400 when no identity of the endpoint may read the image's registry.

    A system-assigned identity may read the workspace's own registry: Azure assigns that role itself.
    https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#authorization-error.
    """
    server = image.partition("/")[0]
    found = (one for one in store.of_type(REGISTRY) if same_server(one.properties["loginServer"], server))
    registry = next(found, None)
    if registry is None:
        return
    readers = set(readers_of(store, registry))
    if not readers.isdisjoint(principals(store, endpoint, registry, readers)):
        return
    message = (
        f"Startup task failed due to authorization error: no identity of the endpoint '{endpoint.name}' has a role "
        f"such as AcrPull on '{registry.id}', which the image '{image}' is in."
    )
    raise ServiceError(400, "BadArgument", message)


def principals(store: Store, endpoint: Document, registry: Document, readers: set[str]) -> Iterator[str]:
    """The endpoint's principals; a system-assigned one joins the readers of its workspace's registry."""
    identity = endpoint.body.get("identity") or {}
    for assigned in (identity.get("userAssignedIdentities") or {}).values():
        yield str(assigned["principalId"]).lower()
    if principal := identity.get("principalId"):
        workspace = store.get(workspace_id(endpoint.id))
        own = (workspace.properties.get("containerRegistry") if workspace else None) or ""
        if own.lower() == registry.key:
            readers.add(principal.lower())
        yield str(principal).lower()
