"""What lives in a storage account in ARM: its Blob service, containers, and the management policy."""

from __future__ import annotations

from typing import Any

from emulator.errors import ServiceError
from emulator.resource_id import ResourceId
from emulator.service import ResourceType
from emulator.storage.accounts import ACCOUNT_TYPE, Accounts
from emulator.storage.blob_store import BlobStore
from emulator.storage.clock import iso_date
from emulator.storage.containers import check_name
from emulator.storage.records import Container
from emulator.store import Document, Store

SERVICE_TYPE = f"{ACCOUNT_TYPE}/blobServices"
CONTAINER_TYPE = f"{SERVICE_TYPE}/containers"
PUBLIC_ACCESS = {"": "None", "blob": "Blob", "container": "Container"}


class BlobServices(ResourceType):
    """`blobServices/default`: settings of the account's Blob service. It is there as soon as the account is."""

    type = SERVICE_TYPE

    def __init__(self, store: Store) -> None:
        self.store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        require_default(document, "blobServices")
        document.properties.setdefault("cors", {"corsRules": []})
        document.properties.setdefault("deleteRetentionPolicy", {"allowPermanentDelete": False, "enabled": False})

    def implicit(self, resource: ResourceId) -> Document | None:
        if resource.name.lower() != "default" or self.store.get(account_id(resource.text)) is None:
            return None
        document = Document(resource.text, {"properties": {}})
        self.prepare(document, None)
        return document

    def implicit_children(self, collection: ResourceId) -> list[Document]:
        found = self.implicit(ResourceId.parse(f"{collection.text}/default"))
        return [found] if found else []


class ManagementPolicy(ResourceType):
    """`managementPolicies/default`: kept and shown; nothing here grows old enough to be moved or deleted by it."""

    type = f"{ACCOUNT_TYPE}/managementPolicies"

    def prepare(self, document: Document, old: Document | None) -> None:
        require_default(document, "managementPolicies")


class BlobContainer(ResourceType):
    """A container: a PUT makes the real one, a DELETE removes it with its blobs.

    Containers made through the data plane have documents too: `DocumentedContainers` writes them.
    """

    type = CONTAINER_TYPE

    def __init__(self, accounts: Accounts, store: BlobStore) -> None:
        self.accounts = accounts
        self.store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        try:
            check_name(document.name)
        except ServiceError as error:
            raise ServiceError(400, "ContainerNameInvalid", error.message) from None
        public = document.properties.get("publicAccess", "None")
        account = self.accounts.get(account_name(document))
        if public != "None" and not account.public_access_allowed:
            message = f"Public access is not permitted on storage account '{account.name}'."
            raise ServiceError(409, "PublicAccessNotPermitted", message)

    def apply(self, document: Document) -> None:
        public = document.properties.get("publicAccess", "None")
        public_access = "" if public == "None" else public.lower()
        metadata = document.properties.get("metadata") or {}
        account = account_name(document)
        container = self.store.containers.ensure(account, document.name)
        if (container.metadata, container.public_access) != (metadata, public_access):
            self.store.containers.configure(account, document.name, metadata, public_access)

    def remove(self, document: Document) -> None:
        account = account_name(document)
        if self.store.containers.find(account, document.name):
            self.store.containers.delete(account, document.name)

    def present(self, document: Document) -> dict[str, Any]:
        container = self.store.containers.find(account_name(document), document.name)
        if container is None:
            return document.body
        shown = {
            "publicAccess": PUBLIC_ACCESS[container.public_access],
            "lastModifiedTime": iso_date(container.modified),
            "leaseState": "Available",
            "leaseStatus": "Unlocked",
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
            "denyEncryptionScopeOverride": False,
            "defaultEncryptionScope": "$account-encryption-key",
            "deleted": False,
            "remainingRetentionDays": 0,
        }
        kept = {name: value for name, value in document.properties.items() if name != "metadata"}
        metadata = {"metadata": container.metadata} if container.metadata else {}
        return {**document.body, "properties": {**kept, **shown, **metadata}, "etag": container.etag}


class DocumentedContainers:
    """Keeps ARM's documents in step with the containers of the data plane (a `ContainerWatch`).

    A document goes before its container and comes after it: where a crash comes between, the container is the truth,
    and `reconcile` writes the missing document.
    """

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self.store = store
        self.accounts = accounts

    def created(self, container: Container) -> None:
        """Writes the document unless ARM made the container."""
        where = self._id(container.account, container.name)
        with self.store.transaction():
            if where and self.store.get(where) is None:
                self.store.put(Document(where, {"properties": {}}))

    def deleting(self, account: str, name: str) -> None:
        """Removes the document."""
        where = self._id(account, name)
        if where:
            self.store.delete(where)

    def _id(self, account: str, name: str) -> str | None:
        found = self.accounts.find(account)
        # An account of a service, which no ARM document stands for, has no id.
        return f"{found.id}/blobServices/default/containers/{name}" if found and found.id else None


def account_id(resource_id: str) -> str:
    """Id of the account that a resource is in."""
    return "/".join(resource_id.split("/")[:9])


def account_name(document: Document) -> str:
    """Name of the account that a resource is in."""
    return document.resource.names[0]


def require_default(document: Document, kind: str) -> None:
    """400 for a name other than the only one there is."""
    if document.name.lower() != "default":
        raise ServiceError(400, "InvalidResourceName", f"{kind} has one resource, 'default', not '{document.name}'.")
