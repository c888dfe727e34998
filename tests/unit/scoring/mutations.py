"""Requests that are nearly right: JSON and HTTP with random faults, from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 38, 38.0, 38.5, 1e-320, 1e308, -1e308, 2**53, 2**64, -(2**63) - 1, "", "F", "38", "é",
    "\x00", "\U0001f6b2", "a" * 300, [], [[]], {}, {"": None}, [1, 2, 3], {"data": []}, float("nan"), float("inf"),
]  # fmt: skip
TOKENS = [
    b"NaN", b"-Infinity", b"1e999", b"-", b"0x1", b"01", b"1.", b"\\ud800", b"\\u0000", b"\\", b'"', b"'", b"[", b"]",
    b"{", b"}", b",", b":", b"null", b"tru", b"//", b"\xff", b"\xef\xbb\xbf", b"\x00", b"9" * 400, b"[" * 3_000,
    b'{"a":' * 3_000, b" " * 2_000,
]  # fmt: skip
HEADERS = [
    b"content-length: 0", b"content-length: 5", b"content-length: -1", b"content-length: 18446744073709551617",
    b"content-length: 3, 3", b"transfer-encoding: chunked", b"transfer-encoding: gzip, chunked", b"connection: close",
    b"transfer-encoding:\tchunked", b"Transfer-Encoding: chunked\x0b", b"connection: upgrade", b"upgrade: x",
    b"connection: upgrade\r\nupgrade: h2c", b"connection: close, upgrade\r\nupgrade: websocket",
    b"expect: 100-continue", b"expect: 200-ok", b"host: again", b"content-type: text/plain", b"content-encoding: br",
    b"x-request-id: \xff", b"x-request-id: ok", b"x-ms-client-request-id: " + b"a" * 120, b"authorization: Bearer x",
    b"x: " + b"y" * 5_000, b": no name", b"no colon", b" folded", b"x:\x00", b"",
]  # fmt: skip
LINES = [
    b"POST /score HTTP/1.1", b"GET / HTTP/1.1", b"GET /ready HTTP/1.0", b"OPTIONS * HTTP/1.1", b"POST /score HTTP/1.0",
    b"POST /score HTTP/9.9", b"POST /score", b"POST  /score HTTP/1.1", b"POST /score HTTP/1.1 ", b"TRACE / HTTP/1.1",
    b"PUT http://a/score HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"PRI * HTTP/2.0", b"GET /" + b"a" * 9_000 + b" HTTP/1.1",
    b"GET \xff HTTP/1.1", b"POST /score?" + b"q" * 300 + b" HTTP/1.1", b"\x16\x03\x01", b"",
]  # fmt: skip


class Mutations:
    """An endless supply, the same for the same seed."""

    def __init__(self, seed: int, rows: list[dict[str, Any]]) -> None:
        self.random = random.Random(seed)
        self.rows = rows

    def body(self) -> bytes:
        """A body with no, one or several faults."""
        kinds: list[Callable[[], bytes]] = [
            self._values,
            self._values,
            self._bytes,
            self._tokens,
            self._cut,
            self._good,
        ]
        return self.random.choice(kinds)()

    def message(self) -> bytes:
        """One or two requests as bytes, framed rightly or not."""
        return b"".join(self._request() for _ in range(self.random.choice((1, 1, 1, 2))))

    def _row(self) -> Any:
        row = dict(self.random.choice(self.rows))
        return list(row.values()) if self.random.random() < 0.3 else row

    def _good(self) -> bytes:
        return json.dumps({"data": [self._row() for _ in range(self.random.randint(1, 5))]}).encode()

    def _values(self) -> bytes:
        rows = [self._row() for _ in range(self.random.randint(1, 4))]
        for _ in range(self.random.randint(1, 3)):
            row = self.random.choice(rows)
            value = self.random.choice(VALUES)
            if isinstance(row, list):
                row[self.random.randrange(len(row))] = value
            else:
                row[self.random.choice([*row, "more", "data"])] = value
            if self.random.random() < 0.2:
                row.pop(0 if isinstance(row, list) else self.random.choice(list(row)))
        body: Any = {"data": rows}
        if self.random.random() < 0.1:
            body = self.random.choice([rows, {"data": rows, "x": rows}, {"rows": rows}, {"data": {"0": rows}}, rows[0]])
        return json.dumps(body, ensure_ascii=self.random.random() < 0.5).encode()

    def _bytes(self) -> bytes:
        body = bytearray(self._good())
        for _ in range(self.random.randint(1, 6)):
            body[self.random.randrange(len(body))] = self.random.randrange(256)
        return bytes(body)

    def _tokens(self) -> bytes:
        body = self._good()
        at = self.random.randrange(len(body))
        return body[:at] + self.random.choice(TOKENS) + body[at + self.random.choice((0, 1, 3)) :]

    def _cut(self) -> bytes:
        body = self._good()
        return body[: self.random.randrange(len(body))]

    def _request(self) -> bytes:
        body = self.body()
        lines = [b"POST /score HTTP/1.1", b"host: x", b"content-length: %d" % len(body)]
        if self.random.random() < 0.3:
            lines[2] = b"transfer-encoding: chunked"
            body = self._chunks(body)
        if self.random.random() < 0.3:
            lines[0] = self.random.choice(LINES)
        for _ in range(self.random.choice((0, 1, 1, 2))):
            lines.insert(self.random.randint(1, len(lines)), self.random.choice(HEADERS))
        end = self.random.choice((b"\r\n",) * 9 + (b"\n",))
        whole = end.join([*lines, b"", body])
        return self._noise(whole) if self.random.random() < 0.3 else whole

    def _chunks(self, body: bytes) -> bytes:
        size = self.random.randint(1, 200)
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        return chunks + self.random.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\ntrailer: x\r\n\r\n", b"0\r\n", b""))

    def _noise(self, whole: bytes) -> bytes:
        noisy = bytearray(whole)
        for _ in range(self.random.randint(1, 4)):
            at = self.random.randrange(len(noisy))
            if self.random.random() < 0.5:
                noisy[at] = self.random.randrange(256)
            else:
                noisy[at : at + self.random.randint(0, 8)] = self.random.randbytes(self.random.randint(0, 8))
        return bytes(noisy)
