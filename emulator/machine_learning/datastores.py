"""Datastores: named places in storage accounts, with or without a secret of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.errors import ServiceError, unsupported
from emulator.http import Request, Response
from emulator.machine_learning.identifiers import BLOB_STORE, DATASTORE
from emulator.service import Action, ResourceType
from emulator.settings import Settings
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.machine_learning.storage import WorkspaceStorage

TYPES = ("AzureBlob", "AzureDataLakeGen2", "AzureFile")
PERMISSIONS = "racwdl"
SECRET_HOURS = 1


class Datastore(ResourceType):
    """A datastore; the secrets of a request are kept apart and never shown.

    Identity-based ones (credentials `None`) have no secrets: azure-ai-ml then reads and writes with its own token.
    """

    type = DATASTORE

    def __init__(self, settings: Settings, store: Store, storage: WorkspaceStorage) -> None:
        self.settings = settings
        self.store = store
        self.storage = storage

    def prepare(self, document: Document, old: Document | None) -> None:
        properties = document.properties
        kind = properties.get("datastoreType")
        if kind not in TYPES:
            raise unsupported(f"A datastore of type '{kind}' (known: {', '.join(TYPES)})")
        credentials = properties.setdefault("credentials", {"credentialsType": "None"})
        secrets = credentials.pop("secrets", None)
        if secrets:
            document.private["secrets"] = secrets
        properties.setdefault("endpoint", self.settings.storage_suffix())
        properties.setdefault("protocol", "https")
        properties.setdefault("tags", {})
        properties.setdefault("properties", {})
        properties.setdefault("serviceDataAccessAuthIdentity", "None")
        properties["isDefault"] = bool(old.properties.get("isDefault")) if old else False

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        wanted = request.query.get("isdefault", "").lower()
        names = {name.lower() for name in request.query.get("names", "").split(",") if name}
        kind = request.query.get("datastoretype", "").lower()
        chosen = [one for one in documents if not names or one.name.lower() in names]
        chosen = [one for one in chosen if not kind or one.properties["datastoreType"].lower() == kind]
        return [one for one in chosen if not wanted or one.properties["isDefault"] is (wanted == "true")]

    def actions(self) -> Mapping[str, Action]:
        return {"listsecrets": self.list_secrets}

    def list_secrets(self, document: Document, request: Request) -> Response:
        """A token that ends when the client asked for one, else the key; the datastore's own, else the account's."""
        kind = document.properties["credentials"]["credentialsType"]
        if kind == "None":
            message = f"No secrets for credential-less datastore {document.name}."
            raise ServiceError(400, "UserError", message)
        given = document.private.get("secrets")
        wanted = request.json() or {}
        if given and not (kind == "AccountKey" and wanted.get("expirableSecret")):
            return Response.json(given)
        account, container = place(document)
        if wanted.get("expirableSecret") or kind == "Sas":
            hours = int(wanted.get("expireAfterHours") or SECRET_HOURS)
            token = self.storage.token(account, container, PERMISSIONS, hours)
            return Response.json({"secretsType": "Sas", "sasToken": token})
        return Response.json({"secretsType": "AccountKey", "key": self.storage.account_key(account)})

    def make(self, workspace: Document, name: str, account: str, container: str) -> None:
        """Writes one of the workspace's own blob datastores, unless it is there."""
        place = {"datastoreType": "AzureBlob", "accountName": account, "containerName": container}
        self._write(workspace, name, place, is_default=name == BLOB_STORE)

    def make_file_store(self, workspace: Document, name: str, account: str, share: str) -> None:
        """Writes the workspace's file datastore: a document only, no share stands behind it."""
        self._write(workspace, name, {"datastoreType": "AzureFile", "accountName": account, "fileShareName": share})

    def _write(self, workspace: Document, name: str, place: dict[str, Any], *, is_default: bool = False) -> None:
        resource_id = f"{workspace.id}/datastores/{name}"
        if self.store.get(resource_id):
            return
        by_identity = workspace.properties["systemDatastoresAuthMode"].lower() == "identity"
        credentials = {"credentialsType": "None" if by_identity else "AccountKey"}
        parts = workspace.resource
        where = {"subscriptionId": parts.subscription, "resourceGroup": (parts.resource_group or "").rpartition("/")[2]}
        identity = "WorkspaceSystemAssignedIdentity" if by_identity else "None"
        document = Document(resource_id, {"properties": {**place, **where, "credentials": credentials}})
        self.prepare(document, None)
        document.properties.update(isDefault=is_default, serviceDataAccessAuthIdentity=identity)
        self.store.put(document)


def place(datastore: Document) -> tuple[str, str]:
    """Account and container of a datastore.

    Raises:
        ServiceError: it is a file share, which the emulator does not have.
    """
    properties = datastore.properties
    container = properties.get("containerName") or properties.get("filesystem")
    if not container:
        raise unsupported(f"The file share behind datastore '{datastore.name}'")
    return properties["accountName"], container
