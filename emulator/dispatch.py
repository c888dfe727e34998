"""From the web server to the services: routing by listener, host, path and method, with one answer for every error."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence

from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.service import Emulator, Route

logger = logging.getLogger(__name__)


class Dispatcher:
    """Finds the route of a request and runs its handler."""

    def __init__(self, emulator: Emulator, routes: Iterable[Route]) -> None:
        self.emulator = emulator
        self.routes = list(routes)

    def answer(self, listener: str, request: Request) -> Response:
        """The handler's response, or the error it raised in ARM's shape."""
        try:
            response = self.handle(listener, request)
        except ServiceError as error:
            response = Response.json(error.body(), error.status, error.headers)
        except Exception as error:  # a defect of ours: the client gets an answer, the log gets the traceback
            logger.exception("%s %s failed", request.method, request.path)
            body = ServiceError(
                500, "InternalServerError", f"The emulator failed: {type(error).__name__}: {error}"
            ).body()
            response = Response.json(body, 500)
        response.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
        logger.info("%s %s%s %s", request.method, request.host, request.path, response.status)
        return response

    def handle(self, listener: str, request: Request) -> Response:
        """Runs the first route that fits."""
        found = self.find(listener, request)
        if not found:
            raise ServiceError(404, "NotFound", f"Nothing answers at {request.host}{request.path} ({listener}).")
        for route, parameters in found:
            if not route.methods or request.method in route.methods:
                request.parameters = parameters
                if route.bearer:
                    request.principal = self.emulator.tokens.verify(request.headers.get("authorization"))
                return route.handler(request)
        allowed = sorted({method for route, _ in found for method in route.methods})
        message = f"{request.method} is not allowed on '{request.path}'; allowed: {', '.join(allowed)}."
        raise ServiceError(405, "MethodNotAllowed", message, headers={"allow": ", ".join(allowed)})

    def find(self, listener: str, request: Request) -> Sequence[tuple[Route, dict[str, str]]]:
        """Routes that fit listener, host and path, in order."""
        matches = ((route, route.match(listener, request.host, request.path)) for route in self.routes)
        return [(route, parameters) for route, parameters in matches if parameters is not None]
