"""HTTP/1.1 on one connection: order of answers, time limits, what is held in memory, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import TYPE_CHECKING, cast

from ml.scoring.errors import Refusal, overloaded
from ml.scoring.http.answer import CONTINUE, GONE, Answer, message, refused
from ml.scoring.http.reader import Reader
from ml.scoring.http.request import Request

if TYPE_CHECKING:
    from ml.scoring.http.service import Service

NEVER = float("inf")
MAX_PIPELINED = 16
"""Requests that may wait behind the one being answered before no more is read."""
UNREAD_SECONDS = 5.0
"""A client that still sends when it is refused gets this long to see the answer. Closing at once would make its
system drop the answer unread."""

TOO_MANY = overloaded("too_many_connections", "all connections are in use; try again")


class Connection(asyncio.Protocol):
    """One client. Requests are answered in the order they came; while one is scored the next ones wait."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.reader = Reader(self, service)
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.active: Request | None = None
        """The one that is being scored."""
        self.waiting: deque[Request] = deque()
        self.unparsed = b""
        """What had been read when it was enough. Only while `paused`."""
        self.discarding = False
        """Whatever else arrives is dropped: the connection ends."""
        self.blocked = False
        """The client does not take its answers as fast as they are made."""
        self.paused = False
        """Nothing is read or parsed, because enough waits."""
        self.ended = False
        """The client has closed its side."""
        self.deadline = NEVER
        self.fresh = True
        """It has not asked for anything yet."""
        self.guest = False
        """It is one too many, and may only ask how the server is."""

    # -- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        connections = self.service.connections
        self.guest = not connections.add(self, self.service.now)
        self.set_deadline()
        if connections.full:
            self.refuse(TOO_MANY)

    def connection_lost(self, error: Exception | None) -> None:
        self.service.connections.remove(self)
        self._drop()
        self.discarding = True
        if self.active is not None:
            self.active.abandoned = True  # still held: its rows are in memory until `finish`

    def data_received(self, data: bytes) -> None:
        rest = self.reader.feed(data)
        if rest:
            self.unparsed = rest
            if not self._count(len(rest)):
                self.refuse(overloaded("too_many_requests", "too much waits to be answered; try again"))
        if self.waiting and self.active is None:
            self._advance()  # see `take`

    def eof_received(self) -> bool:
        """The client sends no more. It may still read, but nearly always it has given up: what waits for a slow model
        is not scored for it any more.
        """
        self.ended = True
        if self.reader.request is not None:
            self.refuse(Refusal(400, "truncated", "the request ended before its last byte; send all of it"))
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

    # -- called by the reader

    def wake(self) -> None:
        """A request begins."""
        self.fresh = False
        self.service.connections.idle.pop(self, None)

    def invite(self) -> None:
        """Tell a client that waits for it to send its body, unless requests before it are still unanswered."""
        request = self.reader.request
        if request is not None and request.uninvited and not self._unanswered and not self.blocked:
            request.uninvited = False
            self._renew(request)
            self.transport.write(CONTINUE)

    def take(self, request: Request) -> None:
        """Answer a request now or after those before it.

        While the server is ending all that was read is parsed before any of it is answered: the answer that closes
        the connection must be the last one, as that to a refused request always is.
        """
        now = request.unread or not self.service.draining
        if now and self.active is None and not self.waiting and not self.blocked:
            self._answer(request)
        else:
            self.waiting.append(request)
            if not self.hold(request, request.size) or len(self.waiting) >= MAX_PIPELINED:
                self.paused = True
                self.transport.pause_reading()
        self.set_deadline()

    def refuse(self, refusal: Refusal) -> None:
        """Answer without the rest of what is arriving, then end the connection."""
        if self.discarding:
            return
        request = self.reader.request or Request(NEVER)
        self._drop_arriving()
        request.keep_alive = False
        request.unread = True
        request.refusal = refusal
        request.body = b""
        self.discarding = True
        self.take(request)

    def hold(self, request: Request, size: int) -> bool:
        """Count a request as held in memory; False when all that are held are too much together."""
        change = size - request.held
        request.held = size
        return self._count(change)

    def set_deadline(self) -> None:
        """Called whenever something came or was answered. How long a result may take is for the scorer to say, and a
        request that we keep from arriving is not late.
        """
        unanswered, request = self._unanswered, self.reader.request
        if self.blocked or (self.discarding and not unanswered):
            return
        if request is not None and not (unanswered and (self.paused or request.uninvited)):
            self.deadline = request.deadline
        elif unanswered:
            self.deadline = NEVER
        else:
            now = self.service.now
            self.deadline = now + self.service.settings.keep_alive_seconds
            self.service.connections.idle[self] = now

    def not_for_guests(self, request: Request) -> Refusal | None:
        """What a guest asks is its last request, and refused unless it is one of a probe."""
        if not self.guest:
            return None
        request.keep_alive = False
        return TOO_MANY if request.route.recorded else None

    # -- called by the service

    def finish(self, request: Request, answer: Answer) -> None:
        """The answer of the active request."""
        self.active = None
        if self.transport.is_closing():
            self.hold(request, 0)
            self.service.record(request, Answer(GONE, b""))
            return
        self._write(request, answer)
        self._advance()

    def expire(self) -> None:
        """The deadline has passed."""
        if self.blocked or self.discarding:
            self.transport.abort()
        elif self.reader.request is not None:
            seconds = self.service.settings.request_seconds
            self.refuse(Refusal(408, "request_timeout", f"the request did not arrive within {seconds:g} s"))
        else:
            self.leave()

    def leave(self) -> bool:
        """End the connection if it is idle. False if it is not, or if a request has come that was not read yet."""
        if not self.idle or self.transport.is_closing() or not end(self.transport):
            return False
        self._close(unread=False)
        return True

    @property
    def idle(self) -> bool:
        """Nothing that the client sent is unanswered, and it may send more."""
        return not (self._unanswered or self._arriving or self.discarding)

    # -- what waits

    @property
    def _unanswered(self) -> bool:
        return self.active is not None or bool(self.waiting)

    @property
    def _arriving(self) -> bool:
        return self.reader.request is not None or bool(self.unparsed)

    def _count(self, change: int) -> bool:
        self.service.held_bytes += change
        return self.service.held_bytes <= self.service.settings.max_held_bytes

    def _renew(self, request: Request) -> None:
        """The time it has for arriving begins again, because we kept it waiting."""
        request.deadline = self.service.now + self.service.settings.request_seconds

    def _drop_arriving(self) -> None:
        if self.reader.request is not None:
            self.hold(self.reader.request, 0)
            self.reader.request = None
        self._count(-len(self.unparsed))
        self.unparsed = b""

    def _drop(self) -> None:
        """Forget everything but the active request."""
        self._drop_arriving()
        for request in self.waiting:
            self.hold(request, 0)
        self.waiting.clear()

    # -- answers

    def _answer(self, request: Request) -> None:
        answer = refused(request.refusal) if request.refusal else self.service.answer(request, self)
        if answer is None:
            self.active = request
        else:
            self._write(request, answer)

    def _advance(self) -> None:
        """Answer what waits, up to the next request that is scored, and go on reading."""
        self._answer_waiting()
        while self.paused and len(self.waiting) < MAX_PIPELINED and not self.transport.is_closing():
            self._resume()
            self._answer_waiting()
        self.invite()
        self.set_deadline()

    def _answer_waiting(self) -> None:
        while self.waiting and self.active is None and not self.blocked and not self.transport.is_closing():
            self._answer(self.waiting.popleft())

    def _resume(self) -> None:
        """Parse what had been read, and read on unless that is enough again."""
        self.paused = False
        if self.reader.request is not None:
            self._renew(self.reader.request)
        data, self.unparsed = self.unparsed, b""
        self._count(-len(data))
        self.unparsed = self.reader.feed(data)
        self._count(len(self.unparsed))
        if not self.paused:
            self.transport.resume_reading()

    def _write(self, request: Request, answer: Answer) -> None:
        if request.held:
            self.hold(request, 0)
        request.id = request.id or self.service.admission.new_id()
        last = not self.waiting and not self._arriving
        close = not request.keep_alive or (last and (self.service.draining or self.ended))
        self.transport.write(message(answer, request, self.service.stamp, close=close))
        self.service.record(request, answer)
        if close:
            self._close(unread=request.unread or not last)

    def _close(self, *, unread: bool) -> None:
        """End the connection once the last answer is out."""
        self._drop()
        self.service.connections.ends(self)
        self.discarding = True
        self.deadline = self.service.now + (self.service.settings.request_seconds if self.blocked else UNREAD_SECONDS)
        if not unread or self.ended:
            self.transport.close()
            return
        self.transport.write_eof()
        if self.paused:
            self.transport.resume_reading()


def end(transport: asyncio.Transport) -> bool:
    """End our side at once, so that the client knows; False when it has sent something that was not read yet.

    Between the look and the end there must be no time in which a request could come: the loop's own `close` happens in
    a later turn.
    """
    own = socket.socket(fileno=transport.get_extra_info("socket").fileno())
    try:
        return own.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        if not transport.get_write_buffer_size():
            own.shutdown(socket.SHUT_WR)
        return True
    except OSError:
        return True  # the client has gone
    finally:
        own.detach()
