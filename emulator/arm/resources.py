"""PUT, GET, PATCH, DELETE, lists and POST actions of every ARM resource."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from typing import Any

from emulator.access import arm_action
from emulator.arm.locks import refuse_when_locked
from emulator.arm.operations import Operations
from emulator.arm.paging import page
from emulator.arm.validation import validate
from emulator.conditions import NO_ATTRIBUTES
from emulator.errors import ServiceError, not_found, unsupported
from emulator.http import Request, Response
from emulator.linked_access import require_linked
from emulator.policy.admission import Admission
from emulator.resource_id import ResourceId
from emulator.service import Emulator, ResourceType
from emulator.store import Document, Operation


class Resources:
    """The generic half of the control plane."""

    def __init__(self, emulator: Emulator, operations: Operations) -> None:
        self.emulator = emulator
        self.store = emulator.store
        self.operations = operations
        self.admission = Admission(emulator.store)

    def handle(self, resource: ResourceId, request: Request) -> Response:
        """Answers one request on a resource, a collection or an action."""
        if request.method == "POST":
            return self.act(request)
        self._require(request, resource)
        kind = self.kind(resource)
        if resource.is_collection:
            return self.list(resource, kind, request)
        handlers = {"GET": self.get, "HEAD": self.get, "PUT": self.put, "PATCH": self.patch, "DELETE": self.delete}
        if request.method not in handlers:
            raise ServiceError(405, "MethodNotAllowed", f"{request.method} is not allowed on '{resource.text}'.")
        return handlers[request.method](resource, kind, request)

    def _require(self, request: Request, resource: ResourceId, action: str = "") -> None:
        """403 for a client that may not do this. What belongs to the tenant everybody may see who has signed in."""
        if request.principal is not None and resource.subscription is not None:
            name = arm_action(request.method, resource.type, action)
            kind = self.emulator.type(resource.type)
            there = self.store.get(resource.text) if request.method == "DELETE" else None
            attributes = kind.attributes(request, there) if kind else NO_ATTRIBUTES
            self.emulator.access.require(request.principal, name, resource.text, attributes)

    def _require_linked(self, request: Request, resource: ResourceId, body: dict[str, Any]) -> None:
        """403 for a client that may not use what the body names."""
        if request.principal is not None:
            write = arm_action(request.method, resource.type, "")
            require_linked(self.emulator.access, request.principal, write, resource.text, body)

    def kind(self, resource: ResourceId) -> ResourceType:
        """The behaviour of the resource's type; a type nobody stands for is an error that names it."""
        kind = self.emulator.type(resource.type)
        if kind is None:
            raise unsupported(f"The resource type '{resource.type}'")
        return kind

    # -- reading

    def find(self, resource: ResourceId) -> Document | None:
        """The resource's document, written or implicit."""
        kind = self.emulator.type(resource.type)
        return self.store.get(resource.text) or (kind.implicit(resource) if kind else None)

    def get(self, resource: ResourceId, kind: ResourceType, request: Request) -> Response:
        """200 with the document, 204 to a HEAD, 404 when there is none."""
        document = self.find(resource)
        if document is None:
            raise not_found(resource.text)
        if request.method == "HEAD":
            return Response(204)
        return self.answer(document, kind)

    def list(self, resource: ResourceId, kind: ResourceType, request: Request) -> Response:
        """A page of the collection, newest first."""
        parent = resource.parent if len(resource.types) == 1 else resource.text.rsplit("/", 1)[0]
        if parent is None:
            raise not_found(resource.text)
        if (
            len(resource.types) > 1
            and self.emulator.type(ResourceId.parse(parent).type)
            and self.find(ResourceId.parse(parent)) is None
        ):
            if kind.makes_parent and self.find(ResourceId.parse(parent.rsplit("/", 2)[0])):
                return page([self.shown(document, kind) for document in kind.select([], request)], request)
            raise not_found(parent)
        documents = self.store.children(parent, resource.type)
        if resource.scope.count("/") == 2 and resource.types != ("resourceGroups",) and len(resource.types) == 1:
            wanted = resource.scope.lower() + "/"
            documents = [document for document in self.store.of_type(resource.type) if document.key.startswith(wanted)]
        written = {document.key for document in documents}
        documents += [document for document in kind.implicit_children(resource) if document.key not in written]
        return page([self.shown(document, kind) for document in kind.select(documents, request)], request)

    def answer(
        self, document: Document, kind: ResourceType, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """The document as ARM shows it."""
        return Response.json(self.shown(document, kind), status, {"etag": f'"{document.etag}"', **(headers or {})})

    def shown(self, document: Document, kind: ResourceType) -> dict[str, Any]:
        """The body of a GET."""
        who = {"createdAt": timestamp(document.created), "lastModifiedAt": timestamp(document.modified)}
        by = {
            "createdBy": "emulator",
            "createdByType": "User",
            "lastModifiedBy": "emulator",
            "lastModifiedByType": "User",
        }
        head = {"id": document.id, "name": document.name, "type": document.resource.type}
        return {**kind.present(document.copy()), **head, "systemData": {**who, **by}}

    # -- writing

    def put(self, resource: ResourceId, kind: ResourceType, request: Request) -> Response:
        """Creates or replaces; 201 with an operation to poll where the type is long-running."""
        if not kind.creatable:
            raise ServiceError(405, "MethodNotAllowed", f"'{resource.type}' cannot be created by a request.")
        body = request.json()
        if not isinstance(body, dict):
            raise ServiceError(400, "InvalidRequestContent", "The request body must be a JSON object.")
        validate(resource, body, request)
        self.require_parent(ResourceId.parse(resource.parent) if kind.makes_parent and resource.parent else resource)
        with self.store.transaction():
            old = self.store.get(resource.text)
            check_conditions(old, request)
            self._require_linked(request, resource, body)
            body = self.admission.admit(resource, request.query["api-version"], body)
            stored, operation = self.write(resource, kind, body, old)
        return self.finish(stored, operation, kind, request, created=old is None)

    def patch(self, resource: ResourceId, kind: ResourceType, request: Request) -> Response:
        """Merges the body into the document (RFC 7396)."""
        changes = request.json()
        if not isinstance(changes, dict):
            raise ServiceError(400, "InvalidRequestContent", "The request body must be a JSON object.")
        check_patch(kind, changes)
        with self.store.transaction():
            old = self.store.get(resource.text)
            if old is None:
                raise not_found(resource.text)
            check_conditions(old, request)
            self._require_linked(request, resource, changes)
            body = self.admission.admit(resource, request.query["api-version"], merge(deepcopy(old.body), changes))
            stored, operation = self.write(resource, kind, body, old)
        return self.finish(stored, operation, kind, request, created=False)

    def write(
        self, resource: ResourceId, kind: ResourceType, body: dict[str, Any], old: Document | None
    ) -> tuple[Document, Operation | None]:
        """Prepares and stores a document, with the operation that applies it (inside the caller's transaction)."""
        for name in ("id", "name", "type", "systemData", "etag"):
            body.pop(name, None)
        private = deepcopy(old.private) if old else {}
        document = Document(old.id if old else resource.text, body, private)
        kind.prepare(document, old)
        if kind.long_running:
            document.properties["provisioningState"] = "Updating" if old else "Creating"
        stored = self.store.put(document)
        return stored, self.operations.begin("put", stored, self.application(stored)) if kind.long_running else None

    def finish(
        self, stored: Document, operation: Operation | None, kind: ResourceType, request: Request, *, created: bool
    ) -> Response:
        """Answers with the operation that applies a stored document, or applies it at once where there is none."""
        if operation is None:
            self.application(stored)()
            if created and kind.created_status == 202:
                return Response(202, headers=self.operations.location(stored, request))
            return self.answer(self.store.get(stored.id) or stored, kind, kind.created_status if created else 200)
        return self.answer(stored, kind, 201, self.operations.headers(operation, request))

    def application(self, document: Document) -> Callable[[], None]:
        """The work of a PUT."""
        return partial(self.kind(document.resource).apply, document)

    def require_parent(self, resource: ResourceId) -> None:
        """404 when what the resource lives in does not exist."""
        parent = resource.parent
        if parent is None or parent.count("/") <= 2 or self.find(ResourceId.parse(parent)) is not None:
            return
        group = resource.resource_group
        if group and self.store.get(group) is None:
            name = group.rsplit("/", 1)[-1]
            raise ServiceError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        message = f"Can not perform requested operation on nested resource. Parent resource '{parent}' not found."
        raise ServiceError(404, "ParentResourceNotFound", message)

    # -- deleting

    def delete(self, resource: ResourceId, kind: ResourceType, request: Request) -> Response:
        """Deletes with all that is inside; 204 when there was nothing."""
        document = self.store.get(resource.text)
        purge = request.query.get("forcetopurge", "").lower() == "true"
        if document is None:
            return self.purge(resource, kind) if purge else Response(204)
        check_conditions(document, request)
        refuse_when_locked(self.store, document)
        kind.refuse_deletion(document)
        work = self.deletion(document, purge=purge)
        if not kind.long_running_delete:
            work()
            return Response(200)
        operation = self.operations.begin("delete", document, work)
        return Response(202, headers=self.operations.headers(operation, request))

    def purge(self, resource: ResourceId, kind: ResourceType) -> Response:
        """Removes a soft-deleted resource for good."""
        document = self.store.get_deleted(resource.text)
        if document is None:
            return Response(204)
        self.store.purge(document.id)
        kind.purge(document)
        return Response(200)

    def deletion(self, document: Document, *, purge: bool = False) -> Callable[[], None]:
        """The work of a DELETE."""

        def work() -> None:
            for inner in [*self.store.below(document.id), document]:
                self.drop(inner, purge=purge)

        return work

    def drop(self, document: Document, *, purge: bool = False) -> None:
        """Removes one document and what it made."""
        kind = self.emulator.type(document.resource.type)
        keep = bool(kind and kind.soft_delete and not purge)
        if kind:
            kind.remove(document)
        self.store.delete(document.id, keep=keep)
        if kind and kind.soft_delete and not keep:
            kind.purge(document)

    # -- actions

    def act(self, request: Request) -> Response:
        """`POST {resource}/{action}`."""
        owner, _, action = request.path.rstrip("/").rpartition("/")
        try:
            resource = ResourceId.parse(owner)
        except ValueError:
            raise unsupported(f"The action '{request.path}'") from None
        kind = self.emulator.type(resource.type)
        self._require(request, resource, action)
        handler = kind.actions().get(action.lower()) if kind else None
        if handler is None:
            raise unsupported(f"The action '{action}' of '{resource.type}'")
        document = self.find(resource)
        if document is None:
            raise not_found(owner)
        return handler(document, request)


def merge(target: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """JSON merge patch (RFC 7396), in place."""
    for key, value in changes.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            inner = target.get(key)
            target[key] = merge(inner if isinstance(inner, dict) else {}, value)
        else:
            target[key] = value
    return target


def check_patch(kind: ResourceType, changes: dict[str, Any]) -> None:
    """400 for what a PATCH of this type cannot change."""
    unknown = sorted(set(changes) - kind.patchable) if kind.patchable is not None else []
    if unknown:
        allowed = ", ".join(sorted(kind.patchable or ()))
        message = f"A PATCH of '{kind.type}' changes {allowed}; it cannot change {', '.join(unknown)}: use PUT."
        raise ServiceError(400, "InvalidRequestContent", message)


def check_conditions(document: Document | None, request: Request) -> None:
    """412 when `If-Match` or `If-None-Match` does not hold."""
    wanted = request.headers.get("if-match", "").strip('"')
    if wanted and (document is None or wanted not in ("*", document.etag)):
        raise ServiceError(
            412, "PreconditionFailed", f"The If-Match condition '{wanted}' is not met: the resource has changed."
        )
    if request.headers.get("if-none-match", "").strip() == "*" and document is not None and request.method == "PUT":
        raise ServiceError(
            412, "PreconditionFailed", "The If-None-Match condition '*' is not met: the resource exists."
        )


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as ARM writes a time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
