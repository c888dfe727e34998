"""A web server that plays the ingestion endpoint and the token endpoint by a script."""

from __future__ import annotations

import gzip
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """One scripted answer; `hang` waits for the end of the server first."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


@dataclass
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    items: list[dict[str, Any]]


class IngestionServer:
    """Answers with the script's next answer, with 200 once it is used up."""

    def __init__(self) -> None:
        self.script: deque[Answer] = deque()
        self.received: list[Received] = []
        self.ending = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                server.answer(self)

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Notes a request and answers it."""
        content = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        items = [json.loads(line) for line in gzip.decompress(content).splitlines()] if content else []
        headers = {name.lower(): value for name, value in handler.headers.items()}
        given = self.script.popleft() if self.script else Answer()
        self.received.append(Received(handler.command, handler.path, headers, items))
        if given.hang:
            self.ending.wait(30)
            handler.close_connection = True
            return
        body = json.dumps(given.body if given.body is not None else {"errors": []}).encode()
        handler.send_response(given.status)
        for name, value in {**given.headers, "content-length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    @property
    def items(self) -> list[dict[str, Any]]:
        """Everything that came."""
        return [item for request in self.received for item in request.items]

    def close(self) -> None:
        """Ends the server."""
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def ingestion_server() -> Iterator[IngestionServer]:
    """A server for one test."""
    server = IngestionServer()
    try:
        yield server
    finally:
        server.close()
