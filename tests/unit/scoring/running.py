"""A scoring server in a process of its own, and ways to talk to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

SECONDS = 30.0
"""Longest that anything here waits for."""
LEAST_OF_RATE = 0.95
JSON = {"content-type": "application/json"}


@dataclass
class Reply:
    """One answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code."""
        error = self.json["error"]
        assert self.json.keys() == {"error"}
        assert error.keys() <= {"code", "message", "row", "field", "example"}
        assert self.headers["content-type"] == "application/json"
        return str(error["code"])


@dataclass
class Scoring:
    """A running server."""

    process: subprocess.Popen[str]
    log: Path
    port: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    def said(self, message: str) -> dict[str, Any]:
        """Waits for a line of the log."""
        found: dict[str, Any] = until(
            lambda: next((one for one in self.lines() if one["message"] == message), None), self.log
        )
        return found

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = SECONDS
    ) -> Reply:
        """One request on a connection of its own; a body that is no bytes is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, content, {**(JSON if body is not None else {}), **(headers or {})})
            found = connection.getresponse()
            return Reply(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        finally:
            connection.close()

    def score(self, *rows: Any, **options: Any) -> Reply:
        return self.ask("POST", "/score", {"data": list(rows)}, **options)

    @contextmanager
    def connect(self) -> Iterator[Client]:
        """A bare connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as made:
            yield Client(made)

    def raw(self, data: bytes) -> list[Reply]:
        """All answers to bytes as they are, after which the client sends no more."""
        with self.connect() as client:
            client.send(data)
            client.socket.shutdown(socket.SHUT_WR)
            return client.all_replies()

    def gauge(self, name: str) -> int:
        """One number of `/metrics`; the connection that asks is among `scoring_connections`."""
        lines = self.ask("GET", "/metrics").body.decode().splitlines()
        return next(int(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{{"))

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The process stands still: what is sent meanwhile has all arrived when it goes on."""
        process = psutil.Process(self.process.pid)
        process.suspend()
        until(lambda: process.status() == psutil.STATUS_STOPPED, self.log)
        try:
            yield
        finally:
            process.resume()

    @property
    def memory(self) -> int:
        """Resident bytes of the process."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)

    def assert_alive(self) -> None:
        assert self.process.poll() is None, self.log.read_text()
        assert self.ask("GET", "/").status == 200


class Client:
    """One connection, byte by byte."""

    def __init__(self, made: socket.socket) -> None:
        self.socket = made
        self.received = b""

    def send(self, data: bytes) -> None:
        """A server that has refused may close while the rest is sent."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def more(self) -> bool:
        """False when the server has closed."""
        try:
            data = self.socket.recv(65_536)
        except ConnectionResetError:
            data = b""
        self.received += data
        return bool(data)

    def reply(self, *, has_body: bool = True) -> Reply:
        """The next answer."""
        while b"\r\n\r\n" not in self.received:
            assert self.more(), f"closed without an answer: {self.received!r}"
        head, _, rest = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        length = int(headers.get("content-length", "0")) if has_body else 0
        while len(rest) < length:
            assert self.more(), "closed in the middle of an answer"
            rest = self.received.partition(b"\r\n\r\n")[2]
        self.received = rest[length:]
        return Reply(int(status), headers, rest[:length])

    def all_replies(self) -> list[Reply]:
        """Every answer until the server closes."""
        while self.more():
            pass
        found = []
        while self.received:
            found.append(self.reply())
        return found


HOST = b"host: localhost\r\n"


def get(path: bytes = b"/", headers: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A request for a page, as bytes."""
    return b"GET %b HTTP/%b\r\n%b%b\r\n" % (path, version, HOST, headers)


def post(headers: bytes, body: bytes = b"") -> bytes:
    """A request to be scored, as bytes; how its body is framed is for the headers to say."""
    return b"POST /score HTTP/1.1\r\n%b%b\r\n%b" % (HOST, headers, body)


def posted(data: Any, padding: int = 0, headers: bytes = b"") -> bytes:
    """A whole request with rows, made so many bytes longer."""
    body = json.dumps({"data": data}).encode() + b" " * padding
    return post(b"%bcontent-length: %d\r\n" % (headers, len(body)), body)


def paced(count: int, rate: float) -> Iterator[int]:
    """Numbers, so many a second; fails at the end when whoever took them was too slow for that."""
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        yield number
    achieved = count / (time.monotonic() - begin)
    assert achieved >= LEAST_OF_RATE * rate, f"{achieved:.0f} a second instead of {rate:g} show nothing"


def until(look: Any, log: Path) -> Any:
    """What `look` returns once it is true; fails with the log when it takes too long."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"nothing came within {SECONDS} s; the log:\n{log.read_text()}")


COMMAND = (sys.executable, "-m", "ml.scoring")


def start(model: Path, log: Path, command: Sequence[str] = COMMAND, /, **settings: object) -> Scoring:
    """Start a server; returns at once."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("APPLICATIONINSIGHTS")}
    given = {name.upper(): str(value) for name, value in settings.items()}
    environment = {**own, "HOST": "127.0.0.1", "PORT": "0", "LINGER_SECONDS": "0", "MODEL_DIR": str(model), **given}
    with log.open("w") as file:
        process = subprocess.Popen(command, env=environment, stderr=file, text=True)
    return Scoring(process, log)


@contextmanager
def serving(model: Path, log: Path, command: Sequence[str] = COMMAND, /, **settings: object) -> Iterator[Scoring]:
    """A server that is ready; it is stopped at the end, whatever happens."""
    scoring = start(model, log, command, **settings)
    try:
        scoring.port = until(lambda: _listening(scoring), log)["port"]
        workers = int(str(settings.get("workers", 1)))
        until(lambda: [line["message"] for line in scoring.lines()].count("ready") == workers, log)
        yield scoring
    finally:
        scoring.process.kill()
        scoring.process.wait()


def _listening(scoring: Scoring) -> Any:
    assert scoring.process.poll() is None, scoring.log.read_text()
    return next((line for line in scoring.lines() if line["message"] == "listening"), None)
