"""Whether an endpoint may pull an image: its identity must have a role that reads the registry."""

from __future__ import annotations

from emulator.access import PULL_IMAGE, Access
from emulator.container_instances.registry_access import REGISTRY, same_server
from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import workspace_id
from emulator.store import Document, Store


def check_image_access(store: Store, access: Access, endpoint: Document, image: str) -> None:
    """400 when no identity of the endpoint may read the image's registry.

    A system-assigned identity may read the workspace's own registry: Azure assigns that role itself.
    https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#authorization-error.
    """
    server = image.partition("/")[0]
    found = (one for one in store.of_type(REGISTRY) if same_server(one.properties["loginServer"], server))
    registry = next(found, None)
    if registry is None:
        return
    identity = endpoint.body.get("identity") or {}
    if identity.get("principalId") and is_own(store, endpoint, registry):
        return
    assigned = [one["principalId"] for one in (identity.get("userAssignedIdentities") or {}).values()]
    principals = [*assigned, *filter(None, [identity.get("principalId")])]
    if any(access.allows(principal, PULL_IMAGE, registry.id) for principal in principals):
        return
    message = (
        f"Startup task failed due to authorization error: no identity of the endpoint '{endpoint.name}' has a role "
        f"such as AcrPull on '{registry.id}', which the image '{image}' is in."
    )
    raise ServiceError(400, "BadArgument", message)


def is_own(store: Store, endpoint: Document, registry: Document) -> bool:
    """Whether a registry is that of the endpoint's workspace."""
    workspace = store.get(workspace_id(endpoint.id))
    return ((workspace.properties.get("containerRegistry") if workspace else None) or "").lower() == registry.key
