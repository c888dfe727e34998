"""`/v2/`: the registry protocol, checked for tokens and locks and then handed to the registry server as it came."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx

from emulator.container_registry.authorization import Authorization
from emulator.container_registry.client import chunks
from emulator.container_registry.errors import RegistryError
from emulator.container_registry.reference import REPOSITORY
from emulator.container_registry.tokens import Scope
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.container_registry.registries import Registries

REFERENCE = r"(?:uploads/)?[A-Za-z0-9_][A-Za-z0-9._:+=-]*|uploads/"
PATH = re.compile(
    rf"/v2/(?P<repository>{REPOSITORY.pattern})/(?P<kind>manifests|blobs|tags|referrers)/(?P<reference>{REFERENCE})"
)
ACTIONS = {"GET": ("pull",), "HEAD": ("pull",), "DELETE": ("delete",)}
WRITES = ("pull", "push")
SENT = ("accept", "content-type", "content-length", "content-range", "range", "if-match", "if-none-match")
LEFT_OUT = ("connection", "transfer-encoding", "date", "keep-alive", "server")
TRANSFER_SECONDS = 600.0


class DataPlane:
    """The protocol's endpoint of every registry."""

    def __init__(self, registries: Registries, authorization: Authorization) -> None:
        self.registries = registries
        self.authorization = authorization
        self._http = httpx.Client(timeout=httpx.Timeout(TRANSFER_SECONDS), trust_env=False)

    def close(self) -> None:
        """Closes the connections to the servers."""
        self._http.close()

    def root(self, request: Request) -> Response:
        """`/v2/`: whether there is a registry, and whether the token is good."""
        registry = self.registries.addressed(request)
        self.authorization.require(request, registry, None)
        return Response(
            200, b"{}", {"docker-distribution-api-version": "registry/2.0", "content-type": "application/json"}
        )

    def catalog(self, request: Request) -> Response:
        """`/v2/_catalog`."""
        registry = self.registries.addressed(request)
        self.authorization.require(request, registry, Scope("registry", "catalog", ("*",)))
        return self._forward(registry, request, "/v2/_catalog")

    def content(self, request: Request) -> Response:
        """Manifests, blobs and tags of a repository."""
        registry = self.registries.addressed(request)
        match = PATH.fullmatch(request.path)
        if match is None:
            raise RegistryError(404, "NAME_UNKNOWN", f"'{request.path}' is no path of the registry protocol")
        repository, reference = match["repository"], match["reference"]
        actions = ACTIONS.get(request.method, WRITES)
        self.authorization.require(request, registry, Scope("repository", repository, actions))
        if request.method == "DELETE":
            self.registries.server(registry.name).expect_garbage()
        if match["kind"] == "manifests" and request.method in ("PUT", "DELETE"):
            return self._change(registry, request, repository, reference)
        return self._forward(registry, request, f"/v2/{repository}/{match['kind']}/{reference}")

    def _change(self, registry: Document, request: Request, repository: str, reference: str) -> Response:
        path = f"/v2/{repository}/manifests/{reference}"
        attributes, files = self.registries.attributes(registry.name), self.registries.server(registry.name).files
        if request.method == "PUT":
            attributes.refuse_write(repository, reference)
            return self._forward(registry, request, path)
        tags = [tag.name for tag in files.tags(repository) if reference in (tag.digest, tag.name)]
        attributes.refuse_delete(repository, reference, *tags)
        answer = self._forward(registry, request, path)
        if answer.status == 202:
            for one in {reference, *tags}:
                attributes.forget(repository, one)
        return answer

    def _forward(self, registry: Document, request: Request, path: str) -> Response:
        """The server's answer; `path` is what was checked, never the request's own spelling of it."""
        url = f"http://{self.registries.server(registry.name).address}{path}"
        if request.raw_query:
            url += f"?{request.raw_query}"
        headers = {name: request.headers[name] for name in SENT if name in request.headers}
        request.body.seek(0)
        content = chunks(request.body) if request.method in ("PUT", "PATCH", "POST") else None
        if content is not None:
            headers.setdefault("content-length", "0")
        try:
            sent = self._http.build_request(request.method, url, headers=headers, content=content)
            answer = self._http.send(sent, stream=True)
        except httpx.HTTPError as error:
            raise ServiceError(502, "RegistryFailed", f"The registry server failed: {error}") from None
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in LEFT_OUT}
        return Response(answer.status_code, body(answer), kept)


def body(answer: httpx.Response) -> Iterator[bytes]:
    """The answer's bytes as they come."""
    try:
        yield from answer.iter_raw()
    finally:
        answer.close()
