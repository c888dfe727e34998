"""Which requests are taken in, by what their headers say."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from ml.scoring.errors import Refusal
from ml.scoring.http.authorization import Authorization
from ml.scoring.http.routes import OTHER, ROUTES

if TYPE_CHECKING:
    from ml.scoring.http.request import Request
    from ml.scoring.settings import Settings

LONGEST_ID = 100
"""Characters of a caller's request id."""


class Admission:
    """Checks all that is known of a request before its body, and gives it an id."""

    def __init__(self, settings: Settings) -> None:
        self._most_bytes = settings.max_body_bytes
        self._authorization = Authorization(settings.scoring_key)
        self._prefix = os.urandom(8).hex().encode()
        self._numbers = itertools.count(1)

    def refusal(self, request: Request) -> Refusal | None:
        """None, or why it is refused."""
        request.route = ROUTES.get(request.url) or ROUTES.get(request.path) or OTHER
        return self._identify(request) or self._check_protocol(request) or self._check_route(request)

    def new_id(self) -> bytes:
        """An id for a request that came without one."""
        return b"%b-%x" % (self._prefix, next(self._numbers))

    def too_large(self) -> Refusal:
        """For a body that is, or says so."""
        text = f"a body is limited to {self._most_bytes} bytes; send the rows in several requests"
        return Refusal(413, "body_too_large", text)

    def _identify(self, request: Request) -> Refusal | None:
        given = request.headers.get(b"x-request-id")
        client = request.headers.get(b"x-ms-client-request-id")
        if given or client:
            refusal = _check_id("x-request-id", given) or _check_id("x-ms-client-request-id", client)
            if refusal is not None:
                return refusal
        request.id = given or self.new_id()
        if client:
            request.echo = b"x-ms-client-request-id: %b\r\n" % client
        return None

    def _check_protocol(self, request: Request) -> Refusal | None:
        headers = request.headers
        if request.version not in ("1.1", "1.0"):
            return Refusal(505, "http_version", f"HTTP/{request.version} is not spoken here; use HTTP/1.1")
        if request.repeated:
            return Refusal(400, "repeated_header", f"the header {request.repeated.decode()} must come once")
        if request.version == "1.1" and b"host" not in headers:
            return Refusal(400, "missing_host", "HTTP/1.1 wants the header Host")
        if request.method == b"CONNECT":
            return Refusal(400, "upgrade", "this server is no proxy; leave out CONNECT")
        if request.chunked and (refusal := _check_encoding(request)):
            return refusal
        if request.content_length > self._most_bytes:
            return self.too_large()
        if headers.get(b"expect", b"100-continue").lower() != b"100-continue":
            return Refusal(417, "expectation", "100-continue is the only expectation that is met")
        return None

    def _check_route(self, request: Request) -> Refusal | None:
        route = request.route
        if route is OTHER:
            if request.url == b"*" and request.method == b"OPTIONS":
                return None
            paths = ", ".join(path.decode() for path in ROUTES)
            return Refusal(404, "no_such_path", f"there is nothing at this path; there are {paths}")
        if request.method not in route.methods:
            message = f"{route.path.decode()} takes {b', '.join(route.methods).decode()}"
            return Refusal(405, "method_not_allowed", message, headers=route.allow)
        if route.read is None and request.method == b"POST":
            return self._authorization.refusal(request.headers) or _check_content(request)
        return None


def _check_id(name: str, value: bytes | None) -> Refusal | None:
    if value is None:
        return None
    if len(value) > LONGEST_ID:
        return Refusal(431, "request_id_too_long", f"{name} is limited to {LONGEST_ID} characters")
    if not (value.isascii() and value.decode().isprintable()):
        return Refusal(400, "invalid_request_id", f"{name} must be of printable ASCII characters")
    return None


def _check_encoding(request: Request) -> Refusal | None:
    """RFC 9112, 6.1. Where a body ends must be beyond doubt, or two readers of it would find different requests."""
    if request.version == "1.0":
        text = "HTTP/1.0 has no transfer-encoding; send content-length or use HTTP/1.1"
        return Refusal(400, "transfer_encoding", text)
    if request.headers[b"transfer-encoding"].strip().lower() != b"chunked":
        return Refusal(501, "transfer_encoding", "chunked is the only transfer-encoding that is understood")
    return None


def _check_content(request: Request) -> Refusal | None:
    kind = request.headers.get(b"content-type", b"application/json")
    if kind != b"application/json":
        media, _, parameters = kind.lower().partition(b";")
        charset = parameters.partition(b"charset=")[2].strip(b' "')
        if media.strip() != b"application/json" or charset not in (b"", b"utf-8", b"utf8"):
            return Refusal(415, "not_json", "send JSON in UTF-8 with the header content-type: application/json")
    if request.headers.get(b"content-encoding", b"identity").lower() != b"identity":
        headers = b"accept-encoding: identity\r\n"
        return Refusal(415, "encoded", "send the body as it is, without content-encoding", headers=headers)
    return None
