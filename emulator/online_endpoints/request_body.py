"""Request bodies, read whole and bounded: a request can then be offered to another instance."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from emulator.online_endpoints.refusals import Refusal, slow_client, too_large
from emulator.service import Receive

MOST_BYTES = 32 * 1024 * 1024
MOST_SECONDS = 60.0


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The body.

    Raises:
        Refusal: it is too large, or did not arrive in time.
        ClientGone: there is nobody to answer.
    """
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        raise Refusal(400, "The header 'content-length' is no number.")
    if int(length) > MOST_BYTES:
        raise too_large(MOST_BYTES)
    try:
        async with asyncio.timeout(MOST_SECONDS):
            return await collect(receive)
    except TimeoutError:
        raise slow_client(MOST_SECONDS) from None


async def collect(receive: Receive) -> bytes:
    """All parts of a body."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MOST_BYTES:
            raise too_large(MOST_BYTES)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)
