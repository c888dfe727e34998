"""Answers, and the bytes that go out for them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from ml.scoring.errors import Refusal

if TYPE_CHECKING:
    from ml.scoring.http.request import Request

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
GONE = 499
"""The client closed its side before it was answered; a number that proxies use too. It is for counters and telemetry:
only a client that closed its side and reads on would see it."""
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
STATUS_LINES[GONE] = b"HTTP/1.1 499 Client Closed Request\r\n"
ABANDONED = Refusal(GONE, "client_gone", "the client closed its side before its result came")


class Answer(NamedTuple):
    """What is sent back; `headers` are whole lines, each ended by CRLF."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: bytes = b""


def refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, refusal.body(), JSON, refusal.headers)


def message(answer: Answer, request: Request, stamp: bytes, *, close: bool) -> bytes:
    """The whole response; `stamp` are the header lines that all responses of the moment share."""
    if close:
        connection = b"connection: close\r\n"
    else:
        connection = b"connection: keep-alive\r\n" if request.version == "1.0" else b""
    return b"".join(
        (
            STATUS_LINES[answer.status],
            stamp,
            b"content-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n"
            % (answer.content_type, len(answer.body), request.id),
            request.echo,
            answer.headers,
            connection,
            b"\r\n",
            b"" if request.method == b"HEAD" else answer.body,
        )
    )
