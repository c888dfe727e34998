"""Management locks: what is locked, or has something locked inside, is not deleted."""

from __future__ import annotations

from emulator.errors import ServiceError
from emulator.store import Document, Store

LOCK = "Microsoft.Authorization/locks"


def refuse_when_locked(store: Store, document: Document) -> None:
    """409 as ARM words it when a `CanNotDelete` or `ReadOnly` lock covers the resource."""
    if document.resource.type.lower() == LOCK.lower():
        return
    for lock in store.of_type(LOCK):
        scope = (lock.resource.scope or "").lower()
        if document.key == scope or document.key.startswith(scope + "/") or scope.startswith(document.key + "/"):
            message = (
                f"The scope '{document.id}' cannot perform delete operation because following scope(s) are locked: "
                f"'{lock.resource.scope}'. Please remove the lock and try again."
            )
            raise ServiceError(409, "ScopeLocked", message)
