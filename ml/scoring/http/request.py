"""One request while it arrives and until it is answered."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ml.scoring.http.routes import OTHER

if TYPE_CHECKING:
    from ml.scoring.errors import Refusal

SINGLE = frozenset(
    (
        b"host",
        b"authorization",
        b"content-type",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"x-request-id",
    )
)
"""Headers that must not come twice: which of the two holds would be a guess."""
MAX_HEADERS = 100
OBJECT_BYTES = 1_000
"""About what a request takes in memory besides what its client sent."""


class Request:
    """What the parser found. `url` and `headers` are bytes as sent, header names in lower case."""

    __slots__ = (
        "abandoned",
        "body",
        "complete_head",
        "deadline",
        "echo",
        "head_bytes",
        "headers",
        "held",
        "id",
        "keep_alive",
        "method",
        "refusal",
        "repeated",
        "route",
        "rows",
        "started",
        "uninvited",
        "unread",
        "url",
        "version",
        "wire_bytes",
    )

    def __init__(self, deadline: float) -> None:
        self.method = b""
        self.url = b""
        self.version = "1.1"
        self.headers: dict[bytes, bytes] = {}
        self.repeated = b""
        """A header of `SINGLE` that came twice."""
        self.body: bytes | bytearray = b""
        self.route = OTHER
        self.refusal: Refusal | None = None
        self.keep_alive = False
        self.unread = False
        """Refused before its last byte was read."""
        self.abandoned = False
        """The client has closed its side: hardly anybody waits for the answer any more."""
        self.held = 0
        """Bytes that the service counts for it."""
        self.uninvited = False
        """The client waits to be told before it sends the body."""
        self.complete_head = False
        self.deadline = deadline
        """On the loop's clock: when the request must have arrived."""
        self.head_bytes = 0
        self.wire_bytes = 0
        """Bytes of an unfinished request, framing included, without the first piece of it that was read."""
        self.rows = 0
        self.id = b""
        self.echo = b""
        """Header line that repeats the caller's own id."""
        self.started = time.perf_counter()

    def add_header(self, name: bytes, value: bytes) -> None:
        key = name.lower()
        self.head_bytes += len(key) + len(value) + 4
        if key in self.headers and key in SINGLE:
            self.repeated = key
        self.headers[key] = value

    def repeat_head(self) -> None:
        """Its head will be parsed once more; how long it has been arriving and what was repeated in it stays."""
        self.url = b""
        self.headers = {}
        self.head_bytes = 0

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return OBJECT_BYTES + len(self.url) + self.head_bytes + len(self.body)

    @property
    def path(self) -> bytes:
        """The path, without the query and without a host that some clients write before it."""
        target = self.url
        if target.startswith((b"http://", b"https://")):
            target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
        return target.partition(b"?")[0]

    @property
    def chunked(self) -> bool:
        return b"transfer-encoding" in self.headers

    @property
    def content_length(self) -> int:
        """As stated; 0 without the header. The parser has refused what is not a number."""
        return int(self.headers.get(b"content-length", b"0"))
