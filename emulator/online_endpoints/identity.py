"""The managed identities of an endpoint."""

from __future__ import annotations

import uuid
from typing import Any

from emulator.errors import ServiceError
from emulator.settings import TENANT_ID
from emulator.store import Document, Store


def complete_identity(store: Store, document: Document) -> dict[str, Any]:
    """The `identity` of a document with the ids that Azure fills in; system-assigned when it says nothing.

    Raises:
        ServiceError: a user-assigned identity does not exist.
    """
    given = document.body.get("identity") or {"type": "SystemAssigned"}
    # Whose tokens its containers get is not for the request to say.
    identity: dict[str, Any] = {key: value for key, value in given.items() if key not in ("principalId", "tenantId")}
    if "SystemAssigned" in identity.get("type", ""):
        principal = str(uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#principal"))
        identity.update(principalId=principal, tenantId=TENANT_ID)
    assigned = identity.get("userAssignedIdentities")
    if assigned:
        identity["userAssignedIdentities"] = {name: user_assigned(store, name) for name in assigned}
    return identity


def user_assigned(store: Store, resource_id: str) -> dict[str, Any]:
    """The ids of a user-assigned identity."""
    found = store.get(resource_id)
    if found is None:
        message = f"The user assigned identity '{resource_id}' does not exist."
        raise ServiceError(400, "FailedIdentityOperation", message, target="identity")
    return {name: found.properties[name] for name in ("principalId", "clientId")}
