"""Passes a request on to a deployment, over connections that are kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

import httptools

from ml.scoring.errors import Refusal
from ml.scoring.http.answer import STATUS_LINES, Answer

if TYPE_CHECKING:
    from ml.scoring.http.request import Request

PASSED_ON = (b"authorization", b"accept", b"content-type", b"content-encoding", b"user-agent", b"traceparent")
PASSED_BACK = (b"x-scoring-warning", b"retry-after", b"www-authenticate", b"allow")
MOST_KEPT = 64
"""Idle connections to one deployment."""
READ_BYTES = 65_536
CONNECT_SECONDS = 3.0


class Unreachable(Exception):
    """No connection: the deployment has not seen the request."""


class Reply:
    """A response while it is parsed."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.complete = self.begun = False
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True

    def answer(self, deployment: str) -> Answer:
        """As it is sent to the client."""
        known = dict(self.headers)
        lines = [b"%b: %b\r\n" % (name, known[name]) for name in PASSED_BACK if name in known]
        lines.append(b"azureml-model-deployment: %b\r\n" % deployment.encode())
        status = self.parser.get_status_code()
        content = known.get(b"content-type", b"application/json")
        return Answer(status if status in STATUS_LINES else 502, bytes(self.body), content, b"".join(lines))


class Connection:
    """One to a deployment; it may be used again while it is `kept`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.kept = False

    async def exchange(self, message: bytes) -> Reply:
        """One request and its response.

        Raises:
            ConnectionError: it broke before the response was whole.
        """
        reply = Reply()
        self.writer.write(message)
        while not reply.complete:
            data = await self.reader.read(READ_BYTES)
            if not data:
                raise ConnectionResetError("the connection ended before the response")
            try:
                reply.parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise ConnectionAbortedError(f"that is no response: {error}") from None
        self.kept = bool(reply.parser.should_keep_alive())
        return reply

    def close(self) -> None:
        """Ends it."""
        self.writer.close()


class Forwarding:
    """Connections to deployments by their address; used on the loop only."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._idle: defaultdict[str, list[Connection]] = defaultdict(list)

    def keep_only(self, addresses: set[str]) -> None:
        """Ends the idle connections to all others."""
        for address in [one for one in self._idle if one not in addresses]:
            for connection in self._idle.pop(address):
                connection.close()

    async def ask(self, address: str, request: Request, deployment: str) -> Answer:
        """The deployment's answer.

        Raises:
            Unreachable: there is no connection.
            Refusal: 502, the deployment's connection broke; 504, it took too long.
        """
        try:
            async with asyncio.timeout(self._seconds):
                reply = await self._exchange(address, head(request, address) + bytes(request.body))
        except TimeoutError:
            raise Refusal(504, "deployment_timeout", f"no answer within {self._seconds:g} s; try again") from None
        except ConnectionError:
            raise Refusal(502, "deployment_failed", "the connection to the deployment broke; try again") from None
        return reply.answer(deployment)

    async def _exchange(self, address: str, message: bytes) -> Reply:
        """A kept connection may have been closed by the other side meanwhile: then a fresh one is asked."""
        while self._idle[address]:
            kept = self._idle[address].pop()
            try:
                return await self._use(address, kept, message)
            except ConnectionError:
                continue
        return await self._use(address, await connect(address), message)

    async def _use(self, address: str, connection: Connection, message: bytes) -> Reply:
        connection.kept = False
        try:
            return await connection.exchange(message)
        finally:
            if connection.kept and address in self._idle and len(self._idle[address]) < MOST_KEPT:
                self._idle[address].append(connection)
            else:
                connection.close()


async def connect(address: str) -> Connection:
    """A new connection.

    Raises:
        Unreachable: nobody listens, or not in time.
    """
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return Connection(*await asyncio.open_connection(host, int(port)))
    except (OSError, TimeoutError) as error:
        raise Unreachable(str(error)) from None


def head(request: Request, address: str) -> bytes:
    """The head of what is passed on."""
    known = [b"%b: %b" % (name, request.headers[name]) for name in PASSED_ON if name in request.headers]
    own = [b"host: %b" % address.encode(), b"x-request-id: %b" % request.id]
    if request.body or request.method == b"POST":
        own.append(b"content-length: %d" % len(request.body))
    return b"\r\n".join([b"%b %b HTTP/1.1" % (request.method, request.url), *own, *known, b"", b""])
