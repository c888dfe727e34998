"""Code assets: what a job runs, each in a container of its own, found again by content hash."""

from __future__ import annotations

import uuid

from emulator.errors import not_found, unsupported
from emulator.http import Request, Response
from emulator.machine_learning.assets.asset import AssetVersion
from emulator.machine_learning.identifiers import version_type, workspace_id
from emulator.machine_learning.storage import WorkspaceStorage
from emulator.store import Document, Store

UPLOAD_PERMISSIONS = "racwl"
UPLOAD_HOURS = 24


class CodeVersion(AssetVersion):
    """A version of a code asset."""

    kind = "codes"
    required = ("codeUri",)

    def __init__(self, store: Store, storage: WorkspaceStorage) -> None:
        super().__init__(store)
        self.storage = storage

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        wanted = request.query.get("hash")
        if not wanted:
            return super().select(documents, request)
        # A client asks below a name it has just made up: the hash is looked for in the whole workspace.
        inside = workspace_id(request.path).lower() + "/"
        version = request.query.get("hashversion")
        found = [code for code in self.store.of_type(version_type("codes")) if code.key.startswith(inside)]
        return [code for code in found if has_hash(code, wanted, version)][:1]

    def remove(self, document: Document) -> None:
        workspace = self.store.get(workspace_id(document.id))
        if workspace is None:
            return
        container = self._container(workspace, document.resource.names[-2])
        account = self.storage.account_name(workspace.properties["storageAccount"])
        if f"/{container}" in document.properties["codeUri"]:
            self.storage.delete_container(account, container)

    def start_upload(self, request: Request) -> Response:
        """Where a client uploads a code version before it is made: one container per code asset.

        With one for all, azure-ai-ml finds an earlier upload's marker and skips its own: an older script runs.
        """
        workspace = self.store.get(request.parameters["workspace"])
        if workspace is None:
            raise not_found(request.parameters["workspace"])
        if (request.json() or {}).get("pendingUploadType", "TemporaryBlobReference") != "TemporaryBlobReference":
            raise unsupported(f"An upload of type '{request.json()['pendingUploadType']}'")
        storage = self.storage
        account = storage.account_name(workspace.properties["storageAccount"])
        container = self._container(workspace, request.parameters["name"])
        storage.ensure_container(account, container)
        url = storage.url(account, container)
        credential = {
            "credentialType": "SAS",
            "sasUri": f"{url}?{storage.token(account, container, UPLOAD_PERMISSIONS, UPLOAD_HOURS)}",
        }
        reference = {
            "blobUri": url,
            "storageAccountArmId": workspace.properties["storageAccount"],
            "credential": credential,
        }
        upload = {"pendingUploadId": str(uuid.uuid4()), "pendingUploadType": "TemporaryBlobReference"}
        return Response.json({**upload, "blobReferenceForConsumption": reference})

    def _container(self, workspace: Document, name: str) -> str:
        identifier = workspace.properties["workspaceId"]
        return f"{identifier[:8]}-{uuid.uuid5(uuid.UUID(identifier), name.lower())}"


def has_hash(code: Document, wanted: str, version: str | None) -> bool:
    """Whether a code version was uploaded with this content hash."""
    properties = code.properties.get("properties") or {}
    return properties.get("hash_sha256") == wanted and version in (None, str(properties.get("hash_version")))
