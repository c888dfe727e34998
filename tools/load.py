"""Clients of a scoring endpoint: some keep their connection, some open one for each request; none tries again.

A rehearsal asks a stack with them while it changes, and so do the tests of rollouts.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

Row = dict[str, Any]
SECONDS, LONGEST = 30.0, 300


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent (monotonic seconds), its status (0: no answer), and which version said what to
    which row. `done`: when the answer was there.
    """

    sent: float
    status: int
    version: int
    row: int
    result: Any = None
    problem: str = ""
    done: float = 0.0


@dataclass
class Load:
    """Sends one row after the other until it is left; `rate` is requests a second of all clients together.

    `address`: where the host of `uri` is, for a name that this machine does not know.
    """

    uri: str
    key: str
    authority: Path
    rows: Sequence[Row]
    address: str = ""
    kept: int = 4
    fresh: int = 4
    rate: float = 64.0
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._context = ssl.create_default_context(cafile=str(self.authority))
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, number < self.kept))
            for number in range(self.kept + self.fresh)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def problems(self) -> list[Answer]:
        """Requests without a proper answer."""
        return [answer for answer in self.answers if answer.problem]

    def between(self, start: float, end: float) -> list[Answer]:
        """Answers to requests that were sent in a time."""
        return [answer for answer in self.answers if start <= answer.sent < end]

    def longest_gap(self, start: float, end: float) -> float:
        """The longest time without a proper answer between two moments, in seconds."""
        good = sorted(one.done for one in self.answers if not one.problem and start <= one.done < end)
        return max((later - earlier for earlier, later in pairwise([start, *good, end])), default=0.0)

    def _run(self, number: int, keep: bool) -> None:
        connection, pause = self._connect(), (self.kept + self.fresh) / self.rate
        due, row = time.monotonic() + pause * number / len(self._threads), number
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due, row = due + pause, (row + 1) % len(self.rows)
            self.answers.append(self._ask(connection, row, keep))
            if not keep or self.answers[-1].problem:
                connection.close()
                connection = self._connect()
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.uri)
        if parts.scheme == "http":
            return http.client.HTTPConnection(self.address or parts.hostname or "", parts.port, timeout=SECONDS)
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=SECONDS, context=self._context)

    def _ask(self, connection: http.client.HTTPConnection, row: int, keep: bool) -> Answer:
        parts = urlsplit(self.uri)
        headers = {"host": parts.netloc, "authorization": f"Bearer {self.key}", "content-type": "application/json"}
        if not keep:
            headers["connection"] = "close"
        sent = time.monotonic()
        try:
            connection.request("POST", parts.path or "/score", json.dumps({"data": [self.rows[row]]}), headers)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                said = body.decode(errors="replace")[:LONGEST]
                return Answer(
                    sent, response.status, 0, row, problem=f"HTTP {response.status}: {said}", done=time.monotonic()
                )
            found = json.loads(body)
            return Answer(sent, 200, int(found["version"]), row, found["result"][0], done=time.monotonic())
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
            return Answer(sent, 0, 0, row, problem=f"{type(error).__name__}: {error}", done=time.monotonic())
