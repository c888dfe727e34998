"""The two ways things go wrong: the server cannot start, or one request is refused."""

from __future__ import annotations

from typing import Any

import msgspec


class StartError(Exception):
    """Why the server cannot start, with the value and the fix; shown as one line, without a traceback."""


class ErrorDetail(msgspec.Struct, omit_defaults=True):
    """What a caller is told. It names where a value is, and never repeats it: values may be those of a person."""

    code: str
    """Stable, for programs."""
    message: str
    """For people: what is wrong and what would be right."""
    row: int | None = None
    """Index in `data`, counted from 0."""
    field: str | None = None
    example: dict[str, Any] | None = None
    """A whole body that is answered, for a caller whose body has another shape."""


class ErrorBody(msgspec.Struct):
    error: ErrorDetail


class Refusal(Exception):
    """A request that gets no result. Every answer of the server that is not a success is one of these."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        row: int | None = None,
        field: str | None = None,
        example: dict[str, Any] | None = None,
        headers: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = ErrorDetail(code, message, row, field, example)
        self.headers = headers
        """Header lines of its own, each ended by CRLF."""

    def body(self) -> bytes:
        return msgspec.json.encode(ErrorBody(self.detail))


def overloaded(code: str, message: str) -> Refusal:
    """503: the request was not tried and may be sent again, after a second or to another instance."""
    return Refusal(503, code, message, headers=b"retry-after: 1\r\n")
