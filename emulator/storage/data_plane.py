"""The Blob service's endpoint: which operation a request is, whether it may run, and one shape for every answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.http import Request, Response
from emulator.storage import actions
from emulator.storage.access import CONTAINER, OBJECT, SERVICE
from emulator.storage.accounts import Accounts
from emulator.storage.authorization import Authorizer
from emulator.storage.blob_store import BlobStore
from emulator.storage.blobs import check_name
from emulator.storage.call import Call
from emulator.storage.documents import error_document, xml_response
from emulator.storage.errors import StorageError, unsupported
from emulator.storage.headers import refuse_unsupported
from emulator.storage.operations import account, blob, container, copying, leasing, upload
from emulator.storage.sas import VERSION

LEVELS = {SERVICE: "an account", CONTAINER: "a container", OBJECT: "a blob"}


@dataclass(frozen=True)
class Operation:
    """An operation and what it needs one of: letters of a shared access signature, actions of roles."""

    run: Callable[[Call], Response]
    letters: str
    needed: actions.Needed


OPERATIONS: dict[tuple[str, str, str], Operation] = {
    (SERVICE, "GET", "list"): Operation(account.list_containers, "l", actions.READ_CONTAINER),
    (SERVICE, "POST", "userdelegationkey"): Operation(account.get_user_delegation_key, "r", actions.DELEGATION_KEY),
    (SERVICE, "GET", "properties"): Operation(account.get_account_information, "rl", actions.READ_CONTAINER),
    (SERVICE, "HEAD", "properties"): Operation(account.get_account_information, "rl", actions.READ_CONTAINER),
    (CONTAINER, "PUT", ""): Operation(container.create_container, "cw", actions.WRITE_CONTAINER),
    (CONTAINER, "GET", ""): Operation(container.get_container_properties, "r", actions.READ_CONTAINER),
    (CONTAINER, "HEAD", ""): Operation(container.get_container_properties, "r", actions.READ_CONTAINER),
    (CONTAINER, "GET", "metadata"): Operation(container.get_container_properties, "r", actions.READ_CONTAINER),
    (CONTAINER, "HEAD", "metadata"): Operation(container.get_container_properties, "r", actions.READ_CONTAINER),
    (CONTAINER, "PUT", "metadata"): Operation(container.set_container_metadata, "w", actions.WRITE_CONTAINER),
    (CONTAINER, "PUT", "lease"): Operation(leasing.lease_container, "wd", actions.WRITE_CONTAINER),
    (CONTAINER, "DELETE", ""): Operation(container.delete_container, "d", actions.DELETE_CONTAINER),
    (CONTAINER, "GET", "list"): Operation(container.list_blobs, "l", actions.READ),
    (OBJECT, "PUT", ""): Operation(upload.put_blob, "cw", actions.ADD),
    (OBJECT, "PUT", "block"): Operation(upload.put_block, "cw", actions.WRITE),
    (OBJECT, "PUT", "blocklist"): Operation(upload.put_block_list, "cw", actions.ADD),
    (OBJECT, "GET", "blocklist"): Operation(upload.get_block_list, "r", actions.READ),
    (OBJECT, "PUT", "appendblock"): Operation(upload.append_block, "aw", actions.ADD),
    (OBJECT, "GET", ""): Operation(blob.get_blob, "r", actions.READ),
    (OBJECT, "HEAD", ""): Operation(blob.get_blob_properties, "r", actions.READ),
    (OBJECT, "GET", "metadata"): Operation(blob.get_blob_metadata, "r", actions.READ),
    (OBJECT, "HEAD", "metadata"): Operation(blob.get_blob_metadata, "r", actions.READ),
    (OBJECT, "PUT", "metadata"): Operation(blob.set_blob_metadata, "w", actions.WRITE),
    (OBJECT, "PUT", "properties"): Operation(blob.set_blob_properties, "w", actions.WRITE),
    (OBJECT, "PUT", "tier"): Operation(blob.set_blob_tier, "w", actions.WRITE),
    (OBJECT, "PUT", "lease"): Operation(leasing.lease_blob, "wd", actions.WRITE),
    (OBJECT, "DELETE", ""): Operation(blob.delete_blob, "d", actions.DELETE),
}


class DataPlane:
    """Answers on `<account>.blob.core.localhost`."""

    def __init__(self, store: BlobStore, accounts: Accounts, authorizer: Authorizer) -> None:
        self._store = store
        self._accounts = accounts
        self._authorizer = authorizer

    def answer(self, request: Request) -> Response:
        """Runs the operation; an error becomes the XML that Azure sends."""
        request_id = str(uuid.uuid4())
        try:
            response = self._run(request)
        except StorageError as error:
            response = failure(error, request_id)
        shared = {"x-ms-request-id": request_id, "x-ms-version": request.headers.get("x-ms-version", VERSION)}
        if "x-ms-client-request-id" in request.headers:
            shared["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
        response.headers.update(shared)
        return response

    def _run(self, request: Request) -> Response:
        level, container_name, blob_name = place(request)
        if level == OBJECT:
            check_name(blob_name)
        found = self._accounts.get(request.parameters["host"])
        access = self._authorizer.access(request, found, container_name, blob_name)
        operation = find_operation(request, level)
        call = Call(request, found, container_name, blob_name, access, self._store, self._accounts, self._authorizer)
        if access.anonymous:
            self._require_public(call, level, operation)
            return operation.run(call)
        lists = level == CONTAINER and request.query.get("comp") == "list"
        access.require(level, operation.letters, container_name, blob_name, lists=lists)
        self._authorizer.require_role(access, found, container_name, operation.needed)
        return operation.run(call)

    def _require_public(self, call: Call, level: str, operation: Operation) -> None:
        """401 unless the container lets everybody read."""
        container = self._store.containers.find(call.account.name, call.container) if call.container else None
        public = container.public_access if container and call.account.public_access_allowed else ""
        levels = {"": "", "blob": OBJECT, "container": OBJECT + CONTAINER}[public]
        if level not in levels or not set(operation.letters) <= set("rl"):
            raise StorageError("NoAuthenticationInformation", headers=self._authorizer.challenge())


def place(request: Request) -> tuple[str, str, str]:
    """What a request is about: level, container and blob."""
    container_name, slash, blob_name = request.path.removeprefix("/").partition("/")
    if not container_name:
        return SERVICE, "", ""
    if request.query.get("restype") == "container" and not blob_name:
        return CONTAINER, container_name, ""
    if not slash:
        return OBJECT, "$root", container_name
    return OBJECT, container_name, blob_name


def find_operation(request: Request, level: str) -> Operation:
    """The operation; 405 for a method it has not, 501 for one the emulator has not."""
    refuse_unsupported(request.headers)
    for name in ("snapshot", "versionid"):
        if name in request.query:
            raise unsupported(f"snapshots and versions ({name})")
    comp = request.query.get("comp", "").lower()
    if level == SERVICE and comp == "properties" and request.query.get("restype") != "account":
        raise unsupported("service properties (restype=service&comp=properties)")
    if level == OBJECT and request.method == "PUT" and not comp and copies(request):
        return Operation(copying.copy_blob, "cw", actions.ADD)
    operation = OPERATIONS.get((level, request.method, comp))
    if operation is None and any(key[0] == level and key[2] == comp for key in OPERATIONS):
        raise StorageError("UnsupportedHttpVerb", f"{request.method} on {LEVELS[level]}.")
    if operation is None:
        raise unsupported(f"{request.method} with comp={comp} on {LEVELS[level]}")
    return operation


def copies(request: Request) -> bool:
    """Whether a PUT is a Copy Blob: it names a source and no type (with a type it is a Put Blob From URL)."""
    return "x-ms-copy-source" in request.headers and "x-ms-blob-type" not in request.headers


def failure(error: StorageError, request_id: str) -> Response:
    """An error as a response."""
    headers = {**error.headers, "x-ms-error-code": error.code}
    if error.status == 304:
        return Response(304, headers=headers)
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    response = xml_response(error_document(error, request_id, now), error.status)
    response.headers.update(headers)
    return response
