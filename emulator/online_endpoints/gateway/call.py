"""One request to an endpoint as the gateway sees it."""

from __future__ import annotations

import re
import time
import uuid

from emulator.service import Scope

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)
# The gateway sets these itself. The key is its business: what runs in a deployment does not get to know it.
OWN = frozenset(b"expect content-length host x-request-id authorization".split())
DEPLOYMENT = b"azureml-model-deployment"
CLIENT_REQUEST_ID = b"x-ms-client-request-id"
NOT_IN_IDS = re.compile(rb"[^A-Za-z0-9_-]")
LONGEST_ID = 40


class Call:
    """A request's headers and target. `request_id` is the gateway's own, whatever the client sent."""

    def __init__(self, scope: Scope) -> None:
        self.began = time.perf_counter()
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.raw_headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.request_id = str(uuid.uuid4())
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope.get("query_string", b"")
        self.target = (path + b"?" + query if query else path).decode("latin-1")

    @property
    def host(self) -> str:
        """The host name, lower case and without a port."""
        return self.headers.get(b"host", b"").decode("latin-1").lower().partition(":")[0]

    @property
    def deployment(self) -> str | None:
        """The deployment that the client asks for."""
        value = self.headers.get(DEPLOYMENT, b"").decode("latin-1").strip()
        return value or None

    @property
    def client_request_id(self) -> bytes:
        """The client's own id for tracing: letters, digits, `-` and `_`, at most 40."""
        return NOT_IN_IDS.sub(b"", self.headers.get(CLIENT_REQUEST_ID, b""))[:LONGEST_ID]

    def passed_on(self) -> list[tuple[str, str]]:
        """The headers that a deployment gets."""
        kept = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self.raw_headers
            if name not in HOP_BY_HOP and name not in OWN
        ]
        return [*kept, ("host", self.headers.get(b"host", b"").decode("latin-1")), ("x-request-id", self.request_id)]

    def tracing(self) -> list[tuple[bytes, bytes]]:
        """The headers by which a person finds this request again."""
        found = [(b"x-request-id", self.request_id.encode())]
        given = self.client_request_id
        return [*found, (CLIENT_REQUEST_ID, given)] if given else found
