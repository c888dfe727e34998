"""HTTP/1.1 on one connection: parsing, limits, order of answers, time limits, and how it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from ml.scoring.answer import CONTINUE, GONE, Answer, message, refused
from ml.scoring.errors import Refusal, overloaded
from ml.scoring.request import MAX_HEADERS, Request

if TYPE_CHECKING:
    from ml.scoring.service import Service

NEVER = float("inf")
MAX_PIPELINED = 16
"""Requests that may wait behind the one being answered before no more is read."""
SKIPPED_BODY_BYTES = 65_536
"""The body of a refused request is read and dropped up to this size, so that the connection can be kept."""
PIECE_BYTES = 16_384
"""What arrives is parsed in pieces of this size. Where in its first piece a request begins is not known, so that piece
does not count against the limit of its headers; this bounds what is not counted."""
UNREAD_SECONDS = 5.0
"""A client that still sends when it is refused gets this long to see the answer. Closing at once would make its
system drop the answer unread."""


class Connection(asyncio.Protocol):
    """One client. Requests are answered in the order they came; while one is scored the next ones wait."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.request: Request | None = None
        """The one that is arriving."""
        self.active: Request | None = None
        """The one that is being scored."""
        self.waiting: deque[Request] = deque()
        self.discarding = False
        """Whatever else arrives is dropped: the connection ends."""
        self.blocked = False
        """The client does not take its answers as fast as they are made."""
        self.paused = False
        """Nothing is read, because enough waits."""
        self.ended = False
        """The client has closed its side."""
        self.deadline = NEVER
        self.fresh = True
        """It has not asked for anything yet."""
        self.held = 0
        """Bytes of bodies that the service counts for this connection."""

    # -- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.service.connections.add(self)
        self._set_deadline()
        if len(self.service.connections) > self.service.settings.max_connections:
            self._refuse(overloaded("too_many_connections", "all connections are in use; try again"))

    def connection_lost(self, error: Exception | None) -> None:
        self.service.connections.discard(self)
        self.service.held_bytes -= self.held
        self.request = None
        self.waiting.clear()
        self.discarding = True
        if self.active is not None:
            self.active.abandoned = True

    def data_received(self, data: bytes) -> None:
        for begin in range(0, len(data), PIECE_BYTES):
            if self.discarding:
                return
            before, piece = self.request, data[begin : begin + PIECE_BYTES]
            self._parse(piece)
            if self.request is not None:
                self._check_unfinished(self.request, len(piece) if self.request is before else 0)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # refused when its headers were complete
        except httptools.HttpParserCallbackError:
            self._refuse(self.service.failed())
        except httptools.HttpParserError as error:
            self._refuse(Refusal(400, "invalid_http", f"this is not HTTP/1.1 that can be answered: {error}"))

    def eof_received(self) -> bool:
        """The client sends no more. It may still read, but nearly always it has given up: what waits for a slow model
        is not scored for it any more.
        """
        self.ended = True
        if self.request is not None:
            self._refuse(Refusal(400, "truncated", "the request ended before its last byte; send all of it"))
        self.discarding = True
        if self.active is not None:
            self.active.abandoned = True
        return self.active is not None or bool(self.waiting)

    def pause_writing(self) -> None:
        self.blocked = True
        self.deadline = self.service.now + self.service.settings.request_seconds

    def resume_writing(self) -> None:
        self.blocked = False
        self._advance()

    # -- called by the parser

    def on_message_begin(self) -> None:
        self.fresh = False
        if not self.discarding:
            self.request = Request(self.service.now + self.service.settings.request_seconds)
            self._set_deadline()

    def on_url(self, url: bytes) -> None:
        request = self.request
        if request is not None:
            request.url += url
            if len(request.url) > self.service.settings.max_request_line_bytes:
                self._refuse(self._too_long_line())

    def on_header(self, name: bytes, value: bytes | None) -> None:
        request = self.request
        if request is not None:
            request.add_header(name, value or b"")
            self._check_head(request, request.head_bytes)

    def on_headers_complete(self) -> None:
        request = self.request
        if request is None:
            return
        request.complete_head = True
        request.method = self.parser.get_method()
        request.version = self.parser.get_http_version()
        upgrade = self.parser.should_upgrade()
        request.keep_alive = self.parser.should_keep_alive() and not upgrade  # what follows would not be HTTP/1.1
        refusal = self.service.admit(request, upgrade=upgrade)
        expects = b"expect" in request.headers and request.version != "1.0"  # to be ignored there: RFC 9110, 10.1.1
        if refusal is None:
            if expects and self.active is None and not self.waiting:
                self.transport.write(CONTINUE)
        elif expects or request.chunked or request.content_length > SKIPPED_BODY_BYTES:
            self._refuse(refusal)
        else:
            request.refusal = refusal

    def on_body(self, body: bytes) -> None:
        request = self.request
        if request is None or request.refusal is not None:
            return
        if not request.body:
            request.body = body
        elif isinstance(request.body, bytearray):
            request.body += body
        else:
            request.body = bytearray(request.body + body)
        if len(request.body) > self.service.settings.max_body_bytes:
            self._refuse(self.service.too_large())

    def on_message_complete(self) -> None:
        request, self.request = self.request, None
        if request is not None:
            self._take(request)

    # -- called by the service

    def finish(self, request: Request, answer: Answer) -> None:
        """The answer of the active request."""
        self.active = None
        if self.transport.is_closing():
            self.service.record(request, Answer(GONE, b""))
            return
        self._write(request, answer)
        self._advance()

    def expire(self) -> None:
        """The deadline has passed."""
        if self.blocked or self.discarding:
            self.transport.abort()
        elif self.request is not None:
            seconds = self.service.settings.request_seconds
            self._refuse(Refusal(408, "request_timeout", f"the request did not arrive within {seconds:g} s"))
        else:
            self.transport.close()

    def leave(self) -> None:
        """End an idle connection."""
        self._close(unread=False)

    @property
    def idle(self) -> bool:
        """Nothing that the client sent is unanswered."""
        return self.request is None and self.active is None and not self.waiting

    # -- limits

    def _check_unfinished(self, request: Request, count: int) -> None:
        """Called after each piece of a request that does not complete it."""
        request.wire_bytes += count
        settings = self.service.settings
        if not request.complete_head:
            self._check_head(request, request.wire_bytes)
        elif request.chunked and request.wire_bytes > settings.max_body_bytes + settings.max_header_bytes:
            self._refuse(self.service.too_large())
        elif not self._hold(request, len(request.body)):
            self._refuse(overloaded("too_many_bodies", "too much is being received at once; try again"))

    def _check_head(self, request: Request, size: int) -> None:
        settings = self.service.settings
        if size > settings.max_header_bytes or len(request.headers) > MAX_HEADERS:
            text = f"headers are limited to {settings.max_header_bytes} bytes and {MAX_HEADERS} lines"
            line_only = not request.headers and len(request.url) > settings.max_header_bytes // 2
            self._refuse(self._too_long_line() if line_only else Refusal(431, "headers_too_large", text))

    def _too_long_line(self) -> Refusal:
        limit = self.service.settings.max_request_line_bytes
        return Refusal(414, "request_line_too_long", f"the request line is limited to {limit} bytes")

    def _hold(self, request: Request, size: int) -> bool:
        """Count the body as held in memory; False when all that are held are too much together."""
        change = size - request.held
        request.held = size
        self.held += change
        self.service.held_bytes += change
        return self.service.held_bytes <= self.service.settings.max_held_bytes

    # -- answers

    def _refuse(self, refusal: Refusal) -> None:
        """Answer without the rest of the request, then end the connection."""
        if self.discarding:
            return
        request, self.request = self.request or Request(NEVER), None
        request.keep_alive = False
        request.unread = True
        request.refusal = refusal
        request.body = b""
        self._hold(request, 0)
        self.discarding = True
        self._take(request)

    def _take(self, request: Request) -> None:
        """Answer a request now or after those before it."""
        if self.active is None and not self.waiting and not self.blocked:
            self._answer(request)
        else:
            self.waiting.append(request)
            if not self._hold(request, len(request.body)) or len(self.waiting) >= MAX_PIPELINED:
                self.transport.pause_reading()
                self.paused = True
        self._set_deadline()

    def _answer(self, request: Request) -> None:
        if request.held:
            self._hold(request, 0)
        answer = refused(request.refusal) if request.refusal else self.service.answer(request, self)
        if answer is None:
            self.active = request
        else:
            self._write(request, answer)

    def _advance(self) -> None:
        """Answer what waits, up to the next request that is scored."""
        while self.waiting and self.active is None and not self.blocked and not self.transport.is_closing():
            self._answer(self.waiting.popleft())
        if self.paused and len(self.waiting) < MAX_PIPELINED and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()
        self._set_deadline()

    def _write(self, request: Request, answer: Answer) -> None:
        request.id = request.id or self.service.new_id()
        close = not request.keep_alive or self.service.draining or (self.ended and not self.waiting)
        self.transport.write(message(answer, request, self.service.stamp, close=close))
        self.service.record(request, answer)
        if close:
            self._close(unread=request.unread or self.request is not None or bool(self.waiting))

    def _close(self, *, unread: bool) -> None:
        """End the connection once the last answer is out."""
        self.waiting.clear()
        self.request = None
        self.discarding = True
        self.deadline = self.service.now + (self.service.settings.request_seconds if self.blocked else UNREAD_SECONDS)
        if not unread or self.ended:
            self.transport.close()
            return
        self.transport.write_eof()
        if self.paused:
            self.transport.resume_reading()

    def _set_deadline(self) -> None:
        """Called whenever something came or was answered. How long a result may take is for the scorer to say."""
        unanswered = self.active is not None or bool(self.waiting)
        if self.blocked or (self.discarding and not unanswered):
            return
        if self.request is not None:
            self.deadline = self.request.deadline
        elif unanswered:
            self.deadline = NEVER
        else:
            self.deadline = self.service.now + self.service.settings.keep_alive_seconds
