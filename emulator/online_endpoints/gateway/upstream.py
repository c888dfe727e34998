"""Passes a request on to an instance and its answer back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
from aiohttp import http_writer
from multidict import CIMultiDict
from yarl import URL

from emulator.online_endpoints.gateway.call import CLIENT_REQUEST_ID, DEPLOYMENT, HOP_BY_HOP, Call
from emulator.online_endpoints.gateway.refusals import MODEL_STATUS, REASON, disconnected
from emulator.online_endpoints.gateway.routing import Instance
from emulator.service import Send

# A connection is used again only while no server has thought of closing it: a POST is never sent twice.
IDLE_SECONDS = 1.0
CONNECT_SECONDS = 2.0
WHOLE_BYTES = 256 * 1024
NOT_PASSED_BACK = HOP_BY_HOP | {b"date", b"x-request-id", CLIENT_REQUEST_ID, DEPLOYMENT}
# Answers without a body: the length that they name is that of another answer.
NO_CONTENT, NOT_MODIFIED, INFORMATIONAL = 204, 304, range(100, 200)
AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
OK = 200
MODEL_ERROR = 424


class NotConnected(Exception):
    """The instance took no connection: it has seen nothing of the request."""


class BrokenAnswer(Exception):
    """The answer broke off after its first bytes were on their way: only closing the connection can tell the client."""


@dataclass(frozen=True)
class Outcome:
    """How a request ended: the status the client got, and the model server's own when it is another."""

    status: int
    model_status: int | None = None


class Upstream:
    """Connections to all instances."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Made at first use, on the loop that uses it."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=AUTOMATIC,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Closes them."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def forward(self, call: Call, body: bytes, instance: Instance, deployment: str, send: Send) -> Outcome:
        """Sends the request and streams the answer.

        Raises:
            NotConnected: nothing was sent; another instance may have it.
            Refusal: the instance ended the connection without an answer.
        """
        try:
            answer = await self._request(call, body, instance)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotConnected from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise disconnected() from error
        outcome = Outcome(OK) if answer.status == OK else Outcome(MODEL_ERROR, answer.status)
        async with answer:
            await pass_back(call, answer, outcome, deployment, send)
        return outcome

    async def copy(self, call: Call, body: bytes, instance: Instance) -> None:
        """Sends a copy of a request whose answer nobody waits for: it is taken to its end and dropped."""
        try:
            async with await self._request(call, body, instance) as answer:
                async for _ in answer.content.iter_any():
                    pass
        except (aiohttp.ClientError, ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            return

    async def _request(self, call: Call, body: bytes, instance: Instance) -> aiohttp.ClientResponse:
        """The request to an instance; a redirect is an answer like any other, and leads this client nowhere."""
        url, headers = URL(instance.base_url + call.target, encoded=True), CIMultiDict(call.passed_on())
        return await self.session.request(call.method, url, headers=headers, data=body or None, allow_redirects=False)


def has_no_body(status: int) -> bool:
    """Whether an answer of this status ends with its headers."""
    return status in (NO_CONTENT, NOT_MODIFIED) or status in INFORMATIONAL


def serialize(status_line: str, headers: CIMultiDict[str]) -> bytes:
    """The head of a request to an instance, byte for byte as it came: `Call` reads it as Latin-1."""
    head = serialize_as_utf8(status_line, headers)
    return head if head.isascii() else head.decode().encode("latin-1")


# aiohttp has no setting for it.
serialize_as_utf8, http_writer._serialize_headers = http_writer._serialize_headers, serialize


async def pass_back(call: Call, answer: aiohttp.ClientResponse, outcome: Outcome, deployment: str, send: Send) -> None:
    """The answer with the gateway's headers: a small one at once, a large or endless one as it comes."""
    dropped = NOT_PASSED_BACK | {b"content-length"} if has_no_body(answer.status) else NOT_PASSED_BACK
    headers = [(name.lower(), value) for name, value in answer.raw_headers if name.lower() not in dropped]
    headers += [*call.tracing(), (DEPLOYMENT, deployment.encode())]
    if outcome.model_status is not None:
        headers += [(REASON.encode(), b"model_error"), (MODEL_STATUS.encode(), str(outcome.model_status).encode())]
    first = b""
    if answer.content_length is not None and answer.content_length <= WHOLE_BYTES:
        try:
            first = await answer.read()
        except (aiohttp.ClientError, ConnectionError) as error:
            raise disconnected() from error
        await send({"type": "http.response.start", "status": outcome.status, "headers": headers})
    else:
        await send({"type": "http.response.start", "status": outcome.status, "headers": headers})
        try:
            async for part in answer.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except (aiohttp.ClientError, ConnectionError) as error:
            raise BrokenAnswer(f"'{deployment}' ended its answer before it was complete") from error
    await send({"type": "http.response.body", "body": first})
