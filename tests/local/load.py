"""Clients of a scoring endpoint: some keep their connection, some open one for each request; none tries again."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent (monotonic seconds), its status, and which version said what to which row."""

    sent: float
    status: int
    version: int
    row: int
    probability: float
    problem: str = ""


@dataclass
class Load:
    """Sends one row after the other until it is left; `rate` is requests a second of all clients together."""

    uri: str
    key: str
    authority: Path
    rows: Sequence[Row]
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

    def wrong(self, right: Callable[[int, int], float], tolerance: float = 1e-5) -> list[Answer]:
        """Answers that differ from `right(version, row)`."""
        good = [answer for answer in self.answers if not answer.problem]
        return [one for one in good if abs(one.probability - right(one.version, one.row)) > tolerance]

    def between(self, start: float, end: float) -> list[Answer]:
        """Answers to requests that were sent in a time."""
        return [answer for answer in self.answers if start <= answer.sent < end]

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

    def _connect(self) -> http.client.HTTPSConnection:
        address = urlsplit(self.uri)
        return http.client.HTTPSConnection(address.hostname or "", address.port, timeout=30, context=self._context)

    def _ask(self, connection: http.client.HTTPSConnection, row: int, keep: bool) -> Answer:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        if not keep:
            headers["connection"] = "close"
        sent = time.monotonic()
        try:
            connection.request("POST", "/score", json.dumps({"data": [self.rows[row]]}), headers)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                return Answer(sent, response.status, 0, row, 0.0, body.decode(errors="replace")[:300])
            found = json.loads(body)
            return Answer(sent, 200, int(found["version"]), row, float(found["result"][0]["probability"]))
        except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
            return Answer(sent, 0, 0, row, 0.0, f"{type(error).__name__}: {error}")
