"""Requests and responses as every service of the emulator sees them: plain, synchronous, independent of the web
server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from emulator.errors import ServiceError

if TYPE_CHECKING:
    from emulator.entra.principal import Principal

SPOOL_BYTES = 8 * 1024 * 1024


def empty_body() -> IO[bytes]:
    """A body that holds small uploads in memory and large ones on disk."""
    return SpooledTemporaryFile(max_size=SPOOL_BYTES)


@dataclass
class Request:
    """One request.

    `host` is lower case and without a port, `path` is percent-decoded, `raw_path` and `raw_query` are as sent,
    `query` holds the last value of each key with keys in lower case (Azure's query keys are case-insensitive),
    `headers` has lower-case keys, `base_url` is `https://host:port` as the client addressed it.
    `principal` is set once a bearer token was checked.
    """

    method: str
    host: str
    path: str
    raw_path: str
    raw_query: str
    base_url: str
    query: dict[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: IO[bytes] = field(default_factory=empty_body)
    principal: Principal | None = None
    parameters: dict[str, str] = field(default_factory=dict)

    def read(self) -> bytes:
        """The whole body."""
        self.body.seek(0)
        return self.body.read()

    def json(self) -> Any:
        """The body as JSON (None when empty).

        Raises:
            ServiceError: 400 InvalidRequestContent when it is not JSON.
        """
        data = self.read()
        if not data.strip():
            return None
        try:
            return json.loads(data)
        except ValueError as error:
            message = f"The request content was invalid and could not be deserialized: {error}"
            raise ServiceError(400, "InvalidRequestContent", message) from None

    def form(self) -> dict[str, str]:
        """The body as `application/x-www-form-urlencoded`, last value of each key."""
        from urllib.parse import parse_qsl

        return dict(parse_qsl(self.read().decode(), keep_blank_values=True))


@dataclass
class Response:
    """One response; `body` may be an iterable of chunks for large content (then set content-length in `headers`)."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """A JSON response in UTF-8."""
        content = {"content-type": "application/json; charset=utf-8"}
        return cls(status, json.dumps(value, ensure_ascii=False).encode(), {**content, **(headers or {})})

    @classmethod
    def text(cls, value: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """A plain-text response in UTF-8."""
        return cls(status, value.encode(), {"content-type": "text/plain; charset=utf-8", **(headers or {})})


Handler = Callable[[Request], Response]
