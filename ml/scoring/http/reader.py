"""From the bytes of one connection to its requests: parsing, and the limits of what arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools

from ml.scoring.errors import Refusal, overloaded
from ml.scoring.http.request import MAX_HEADERS, Request

if TYPE_CHECKING:
    from ml.scoring.http.protocol import Connection
    from ml.scoring.http.service import Service

SKIPPED_BODY_BYTES = 65_536
"""The body of a refused request is read and dropped up to this size, so that the connection can be kept."""
PIECE_BYTES = 4_096
"""What arrives is parsed in pieces of this size. Where in its first piece a request begins is not known, so that piece
does not count against the limit of its headers, and the parser cannot stop within one: this bounds what is not counted,
and how many requests come when no more are wanted."""


class Reader:
    """Gives its connection each request that is complete, and refuses those that are too large."""

    def __init__(self, connection: Connection, service: Service) -> None:
        self.request: Request | None = None
        """The one that is arriving."""
        self._connection = connection
        self._service = service
        self._settings = service.settings
        self._parser = httptools.HttpRequestParser(self)
        self._repeating = False
        """The head of `request` is to be parsed once more, see `_without_upgrade`."""

    def feed(self, data: bytes) -> bytes:
        """Parse what has arrived. Returns what is left when the connection has paused."""
        connection = self._connection
        for begin in range(0, len(data), PIECE_BYTES):
            if connection.discarding:
                break
            if connection.paused:
                return data[begin:]
            before, piece = self.request, data[begin : begin + PIECE_BYTES]
            self._parse(piece)
            if self.request is not None:
                self._check_unfinished(self.request, len(piece) if self.request is before else 0)
        return b""

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                data = self._without_upgrade(data[stopped.args[0] :])
            except httptools.HttpParserCallbackError:
                self._connection.refuse(self._service.failed())
                return
            except httptools.HttpParserError as error:
                text = f"this is not HTTP/1.1 that can be answered: {error}"
                self._connection.refuse(Refusal(400, "invalid_http", text))
                return

    def _without_upgrade(self, rest: bytes) -> bytes:
        """The head once more, without the wish to go on in another protocol, and what came after it.

        The wish may be ignored (RFC 9110, 7.8), and many clients send it with every request. But behind such a head
        the parser takes no body, and it cannot be told to.
        """
        request = self.request
        if request is None:
            return b""  # refused
        self._parser = httptools.HttpRequestParser(self)
        lines = [b"%b %b HTTP/%b" % (request.method, request.url, request.version.encode())]
        lines += [b"%b: %b" % one for one in request.headers.items() if one[0] not in (b"connection", b"upgrade")]
        lines.append(b"connection: keep-alive" if request.keep_alive else b"connection: close")
        request.repeat_head()
        return b"\r\n".join([*lines, b"", rest])

    # -- called by the parser

    def on_message_begin(self) -> None:
        if self._repeating:
            self._repeating = False
        elif not self._connection.discarding:
            self.request = Request(self._service.now + self._settings.request_seconds)
            self._connection.wake()

    def on_url(self, url: bytes) -> None:
        request = self.request
        if request is not None:
            request.url += url
            if len(request.url) > self._settings.max_request_line_bytes:
                self._connection.refuse(self._too_long_line())

    def on_header(self, name: bytes, value: bytes | None) -> None:
        request = self.request
        if request is not None:
            request.add_header(name, value or b"")
            if request.head_bytes > self._settings.max_header_bytes or len(request.headers) > MAX_HEADERS:
                self._refuse_head(request)

    def on_headers_complete(self) -> None:
        request, parser = self.request, self._parser
        if request is None:
            return
        request.method = parser.get_method()
        request.version = parser.get_http_version()
        tunnel = request.method == b"CONNECT"
        request.keep_alive = parser.should_keep_alive() and not tunnel  # what follows would not be HTTP/1.1
        if parser.should_upgrade() and not tunnel:
            self._repeating = True
            return
        request.complete_head = True
        self._admit(request)

    def on_body(self, body: bytes) -> None:
        request = self.request
        if request is None or request.refusal is not None:
            return
        request.uninvited = False
        if not request.body:
            request.body = body
        elif isinstance(request.body, bytearray):
            request.body += body
        else:
            request.body = bytearray(request.body + body)
        if len(request.body) > self._settings.max_body_bytes:
            self._connection.refuse(self._service.admission.too_large())

    def on_message_complete(self) -> None:
        if self._repeating:
            return
        request, self.request = self.request, None
        if request is not None:
            self._connection.take(request)

    # -- limits

    def _admit(self, request: Request) -> None:
        refusal = self._service.admission.refusal(request) or self._connection.not_for_guests(request)
        expects = b"expect" in request.headers and request.version != "1.0"  # to be ignored there: RFC 9110, 10.1.1
        if refusal is None:
            if expects:
                request.uninvited = True
                self._connection.invite()
        elif expects or request.chunked or request.content_length > SKIPPED_BODY_BYTES:
            self._connection.refuse(refusal)
        else:
            request.refusal = refusal

    def _check_unfinished(self, request: Request, count: int) -> None:
        """Called after each piece of a request that does not complete it."""
        request.wire_bytes += count
        settings = self._settings
        if not request.complete_head:
            if request.wire_bytes > settings.max_header_bytes:
                self._refuse_head(request)
        elif request.chunked and request.wire_bytes > settings.max_body_bytes + settings.max_header_bytes:
            self._connection.refuse(self._service.admission.too_large())
        elif not self._connection.hold(request, request.size):
            self._connection.refuse(overloaded("too_many_bodies", "too much is being received at once; try again"))
        self._connection.set_deadline()

    def _refuse_head(self, request: Request) -> None:
        limit = self._settings.max_header_bytes
        if not request.headers and len(request.url) > limit // 2:
            self._connection.refuse(self._too_long_line())
            return
        text = f"headers are limited to {limit} bytes and {MAX_HEADERS} lines"
        self._connection.refuse(Refusal(431, "headers_too_large", text))

    def _too_long_line(self) -> Refusal:
        limit = self._settings.max_request_line_bytes
        return Refusal(414, "request_line_too_long", f"the request line is limited to {limit} bytes")
