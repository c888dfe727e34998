"""Workspaces: what they must find, what they make, and what goes with them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from emulator.arm.types import require_location
from emulator.errors import ServiceError
from emulator.machine_learning.datastores import Datastore
from emulator.machine_learning.identifiers import ARTIFACT_STORE, BLOB_STORE, FILE_STORE, WORKSPACE
from emulator.machine_learning.identity_access import IdentityAccess
from emulator.machine_learning.storage import WorkspaceStorage
from emulator.service import ResourceType
from emulator.settings import TENANT_ID, Settings
from emulator.store import Document, Store

REQUIRED = ("storageAccount", "keyVault", "applicationInsights")
OPTIONAL = ("containerRegistry",)
COMPUTED = ("workspaceId", "discoveryUrl", "mlFlowTrackingUri", "notebookInfo", "tenantId", "storageHnsEnabled")
ARTIFACT_CONTAINER = "azureml"


class Workspace(ResourceType):
    """A workspace; deleted softly, so that its name is free again only after a purge (`forceToPurge=true`)."""

    type = WORKSPACE
    long_running = True
    soft_delete = True

    def __init__(
        self,
        settings: Settings,
        store: Store,
        storage: WorkspaceStorage,
        datastores: Datastore,
        forget_runs: Callable[[str], None],
        rights: IdentityAccess,
    ) -> None:
        """
        Args:
            forget_runs: removes for good what the jobs of a workspace left, by the workspace's GUID.
            rights: asks for those of the workspace's identity.
        """
        self.settings = settings
        self.store = store
        self.storage = storage
        self.datastores = datastores
        self.forget_runs = forget_runs
        self.rights = rights

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        if old is None:
            self._refuse_deleted(document)
        properties = document.properties
        self._require_neighbours(properties, old)
        for name in COMPUTED:
            properties.pop(name, None)
        identifier = old.properties["workspaceId"] if old else str(uuid.uuid4())
        properties.update(self._computed(document, identifier))
        for name, value in defaults(document).items():
            properties.setdefault(name, value)
        document.body.setdefault("kind", "Default")
        document.body.setdefault("sku", {"name": "Basic", "tier": "Basic"})
        document.body["identity"] = self._identity(document)
        if old is None:
            self.rights.require_workspace(document)

    def apply(self, document: Document) -> None:
        storage = self.storage
        account = storage.account_name(document.properties["storageAccount"])
        identifier = document.properties["workspaceId"]
        containers = {BLOB_STORE: f"azureml-blobstore-{identifier}", ARTIFACT_STORE: ARTIFACT_CONTAINER}
        for name, container in containers.items():
            storage.ensure_container(account, container)
            self.datastores.make(document, name, account, container)
        self.datastores.make_file_store(document, FILE_STORE, account, f"azureml-filestore-{identifier}")

    def purge(self, document: Document) -> None:
        self.forget_runs(document.properties["workspaceId"])

    def _refuse_deleted(self, document: Document) -> None:
        if self.store.get_deleted(document.id):
            message = f"Soft-deleted workspace '{document.name}' exists. Please purge or recover it. https://aka.ms/wsoftdelete"
            raise ServiceError(409, "Conflict", message)

    def _require_neighbours(self, properties: dict[str, Any], old: Document | None) -> None:
        for name in (*REQUIRED, *OPTIONAL):
            value = properties.get(name)
            if value is None and name in OPTIONAL:
                continue
            if value is None and old is not None:
                properties[name] = old.properties[name]
            elif not value:
                raise ServiceError(
                    400, "BadRequest", f"The workspace needs '{name}': the ARM id of an existing resource."
                )
            elif self.store.get(value) is None:
                raise ServiceError(400, "BadRequest", f"'{name}': the resource '{value}' does not exist.", target=name)

    def _computed(self, document: Document, identifier: str) -> dict[str, Any]:
        settings = self.settings
        return {
            "workspaceId": identifier,
            "discoveryUrl": f"{settings.base_url}/discovery/workspaces/{identifier}",
            "mlFlowTrackingUri": f"{settings.http_url}/mlflow/v1.0{document.id}",
            "tenantId": TENANT_ID,
            "storageHnsEnabled": False,
            "provisioningState": "Succeeded",
        }

    def _identity(self, document: Document) -> dict[str, Any]:
        identity: dict[str, Any] = dict(document.body.get("identity") or {"type": "SystemAssigned"})
        if "SystemAssigned" in identity.get("type", ""):
            principal = str(uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#principal"))
            identity.update(principalId=principal, tenantId=TENANT_ID)
        assigned = identity.get("userAssignedIdentities")
        if assigned:
            identity["userAssignedIdentities"] = {name: self._assigned(name) for name in assigned}
        return identity

    def _assigned(self, resource_id: str) -> dict[str, Any]:
        found = self.store.get(resource_id)
        if found is None:
            message = f"The user assigned identity '{resource_id}' does not exist."
            raise ServiceError(400, "FailedIdentityOperation", message, target="identity")
        return {name: found.properties[name] for name in ("principalId", "clientId")}


def defaults(document: Document) -> dict[str, Any]:
    """What Azure fills in when a request says nothing."""
    return {
        "friendlyName": document.name,
        "description": "",
        "hbiWorkspace": False,
        "publicNetworkAccess": "Enabled",
        "allowPublicAccessWhenBehindVnet": False,
        "v1LegacyMode": False,
        "systemDatastoresAuthMode": "accessKey",
        "enableDataIsolation": False,
        "privateEndpointConnections": [],
        "managedNetwork": {"isolationMode": "Disabled"},
    }
