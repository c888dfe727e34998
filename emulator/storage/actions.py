"""Which actions of roles the operations of the Blob service need.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-blob-service-operations
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.access import BLOBS

SERVICES = "Microsoft.Storage/storageAccounts/blobServices"
CONTAINERS = f"{SERVICES}/containers"


@dataclass(frozen=True)
class Needed:
    """One of these is enough: actions, or data actions on what is in a container."""

    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()


DELEGATION_KEY = Needed((f"{SERVICES}/generateUserDelegationKey/action",))
READ_CONTAINER = Needed((f"{CONTAINERS}/read",))
WRITE_CONTAINER = Needed((f"{CONTAINERS}/write",))
DELETE_CONTAINER = Needed((f"{CONTAINERS}/delete",))
READ = Needed(data_actions=(f"{BLOBS}/read",))
WRITE = Needed(data_actions=(f"{BLOBS}/write",))
ADD = Needed(data_actions=(f"{BLOBS}/write", f"{BLOBS}/add/action"))
DELETE = Needed(data_actions=(f"{BLOBS}/delete",))
