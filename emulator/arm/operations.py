"""Long-running operations: rows in the store, work in the background, taken up again after a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from emulator.errors import ServiceError, not_found
from emulator.http import Request, Response
from emulator.runs.kind import Interrupted
from emulator.service import Emulator
from emulator.store import Document, Operation

if TYPE_CHECKING:
    from emulator.arm.resources import Resources

RETRY_AFTER_SECONDS = "1"
logger = logging.getLogger(__name__)


class Operations:
    """Runs the work of a PUT, a DELETE or an action while the client polls."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def begin(self, kind: str, document: Document, work: Callable[[], None]) -> Operation:
        """Records an operation, and starts its work once the operation is on disk.

        Inside the transaction that stores the document, so that after a crash there is either both or neither.
        """
        operation = self.emulator.store.start_operation(kind, document.id)
        self.emulator.store.after_commit(partial(self.emulator.background.submit, self.run, operation, work))
        return operation

    def run(self, operation: Operation, work: Callable[[], None]) -> None:
        """Runs the work and records how it ended."""
        try:
            work()
        except Interrupted:  # the next start takes it up
            return
        except ServiceError as error:
            # In ARM's shape, whatever protocol the error belongs to.
            self._end(operation, "Failed", ServiceError.body(error)["error"])
        except Exception as error:  # whatever went wrong must reach the client that polls
            logger.exception("%s of %s failed", operation.kind, operation.resource)
            message = f"{type(error).__name__}: {error}"
            self._end(operation, "Failed", {"code": "InternalServerError", "message": message})
        else:
            self._end(operation, "Succeeded")

    def reconcile(self, resources: Resources) -> None:
        """Runs again what a crash interrupted; the work of every type is safe to repeat."""
        for operation in self.emulator.store.open_operations():
            document = self.emulator.store.get(operation.resource)
            if document is not None:
                work = resources.deletion(document) if operation.kind == "delete" else resources.application(document)
                self.emulator.background.submit(self.run, operation, work)
            elif operation.kind == "delete":
                self._end(operation, "Succeeded")
            else:
                self._end(operation, "Canceled", canceled(operation))

    def headers(self, operation: Operation, request: Request) -> dict[str, str]:
        """Where to poll: https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations."""
        base = f"{self.emulator.settings.base_url}/subscriptions/{operation.resource.split('/')[2]}"
        query = f"api-version={request.query.get('api-version', '')}"
        where = {"azure-asyncoperation": f"{base}/operations/{operation.name}?{query}"}
        if operation.kind != "put":
            where["location"] = f"{base}/operationresults/{operation.name}?{query}"
        return {**where, "retry-after": RETRY_AFTER_SECONDS}

    def location(self, document: Document, request: Request) -> dict[str, str]:
        """Where a client of a type that answers 202 finds what was made."""
        query = f"api-version={request.query.get('api-version', '')}"
        return {
            "location": f"{self.emulator.settings.base_url}{document.id}?{query}",
            "retry-after": RETRY_AFTER_SECONDS,
        }

    def status(self, request: Request) -> Response:
        """`{status: InProgress | Succeeded | Failed | Canceled}`; the header asks the client to come back."""
        operation = self._get(request)
        body: dict[str, Any] = {"id": request.path, "name": operation.name, "status": operation.status}
        if operation.error:
            body["error"] = operation.error
        return Response.json(body, headers={} if operation.ended else {"retry-after": RETRY_AFTER_SECONDS})

    def result(self, request: Request) -> Response:
        """202 while it runs, 204 when it has succeeded, 409 with the reason when it has not."""
        operation = self._get(request)
        if operation.ended and operation.status != "Succeeded":
            return Response.json({"error": operation.error}, 409)
        where = {
            "location": f"{request.base_url}{request.raw_path}?{request.raw_query}",
            "retry-after": RETRY_AFTER_SECONDS,
        }
        return Response(204) if operation.ended else Response(202, headers=where)

    def _get(self, request: Request) -> Operation:
        operation = self.emulator.store.operation(request.parameters["name"])
        if operation is None:
            raise not_found(request.path)
        return operation

    def _end(self, operation: Operation, status: str, error: dict[str, Any] | None = None) -> None:
        """Records how an operation ended, with the resource's state in the same transaction."""
        store = self.emulator.store
        with store.transaction():
            # What is there after a deletion succeeded is a new resource of that name.
            document = None if (operation.kind, status) == ("delete", "Succeeded") else store.get(operation.resource)
            if document is not None and "provisioningState" in document.properties:
                document.properties["provisioningState"] = status
                store.put(document)
            store.end_operation(operation.name, status, error)


def canceled(operation: Operation) -> dict[str, Any]:
    """Why an operation was not run again after a restart."""
    message = f"The resource '{operation.resource}' was deleted before its operation ended; send the request again."
    return {"code": "OperationCanceled", "message": message}
