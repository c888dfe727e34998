"""Request bodies, read whole and bounded, each and together: a request can then be offered to another instance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from emulator.online_endpoints.gateway.refusals import Refusal, slow_client, too_large, too_much_at_once
from emulator.service import Receive

MOST_BYTES = 32 * 1024 * 1024
MOST_BYTES_TOGETHER = 8 * MOST_BYTES
MOST_SECONDS = 60.0


class ClientGone(Exception):
    """The client closed its connection before its request was complete."""


class Hold:
    """What one request holds of the gateway's memory for bodies."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self.size = 0

    def grow(self, size: int) -> None:
        """Holds at least so many bytes from now on.

        Raises:
            Refusal: 413, it is too large; 429, other bodies leave no room for it.
        """
        if size > MOST_BYTES:
            raise too_large(MOST_BYTES)
        more = max(0, size - self.size)
        if self._memory.held + more > MOST_BYTES_TOGETHER:
            raise too_much_at_once(MOST_BYTES_TOGETHER)
        self._memory.held += more
        self.size += more


class BodyMemory:
    """Bytes of all request bodies that the gateway holds: without a bound clients that send many large ones at once
    would take this machine's memory.
    """

    def __init__(self) -> None:
        self.held = 0

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """Room for one body, given back at the end of the block."""
        hold = Hold(self)
        try:
            yield hold
        finally:
            self.held -= hold.size


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, hold: Hold) -> bytes:
    """The body. Room for the length that the client names is held before any of it is read.

    Raises:
        Refusal: it is too large, alone or with all others, or did not arrive in time.
        ClientGone: there is nobody to answer.
    """
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        raise Refusal(400, "The header 'content-length' is no number.")
    hold.grow(int(length))
    try:
        async with asyncio.timeout(MOST_SECONDS):
            return await collect(receive, hold)
    except TimeoutError:
        raise slow_client(MOST_SECONDS) from None


async def collect(receive: Receive, hold: Hold) -> bytes:
    """All parts of a body."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        size += len(part)
        hold.grow(size)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)
