"""Every endpoint is asked at the end of `up`: what counts as an answer, and what is never passed over."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ml.clients.endpoints import OnlineEndpoints
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace
from tools import answers
from tools.answers import ATTEMPTS, Reply, ask
from tools.deployed_system import DeployedSystem
from tools.live import Champion, LiveSystem, Share
from tools.stacks import Stack

WORKSPACE = Workspace("00000000-0000-0000-0000-000000000000", "rg", "mlw")
SYSTEM = DeployedSystem(Stack("local", "emulator", Path("x")), "bike_buyer", WORKSPACE, "bike-buyer", "oep-1")
LIVE = LiveSystem("bike_buyer", champion=Champion(2, "ab", {}), serving=(Share(2, "v2-1", 100),))


class Server:
    """A scoring server that gives the next of these answers, the last one for ever."""

    def __init__(self, *given: tuple[int, Any]) -> None:
        self.left, self.asked = list(given), list[tuple[str, str, Any]]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.asked.append((self.path, self.headers["authorization"], json.loads(body or b"null")))
                status, document = outer.left[0] if len(outer.left) == 1 else outer.left.pop(0)
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer  # noqa: N815  the names that the base class looks for

            def log_message(self, *words: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.live = replace(LIVE, scoring_uri=f"http://127.0.0.1:{self.http.server_port}/score")
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnlineEndpoints, "key", lambda self: f"key-of-{self.name}")


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(*request.param)
    yield server
    server.close()


def asked(system: DeployedSystem, live: LiveSystem) -> Reply:
    """What came of it, without pauses."""
    reply = ask(system, live, lambda seconds: None)
    assert reply is not None
    return reply


@pytest.mark.parametrize("served", [[(200, {"result": [1], "version": 2})]], indirect=True)
def test_the_example_request_goes_through_the_endpoint_with_its_key(served: Server) -> None:
    reply = asked(SYSTEM, served.live)
    assert (reply.version, reply.problem) == (2, "")
    ((path, authorization, body),) = served.asked
    assert (path, authorization) == ("/score", "Bearer key-of-oep-1")
    assert body == {"data": [answers.request("bike_buyer")]}


@pytest.mark.parametrize("served", [[(200, {"version": 7})]], indirect=True)
def test_a_system_without_an_example_is_asked_for_its_version(served: Server) -> None:
    reply = asked(replace(SYSTEM, name="no_such_system"), served.live)
    assert reply.version == 7
    assert served.asked[0][0] == "/version"


@pytest.mark.parametrize("served", [[(503, {"error": "no instance"}), (200, {"version": 2})]], indirect=True)
def test_one_dropped_request_is_asked_again(served: Server) -> None:
    assert asked(SYSTEM, served.live).problem == ""
    assert len(served.asked) == 2


@pytest.mark.parametrize("served", [[(503, {"error": "no instance"})]], indirect=True)
def test_an_endpoint_that_goes_on_failing_does_not_answer(served: Server) -> None:
    assert asked(SYSTEM, served.live).problem.startswith("HTTP 503: ")
    assert len(served.asked) == ATTEMPTS


def test_nobody_there_is_no_answer() -> None:
    server = Server((200, {}))
    server.close()
    assert "no answer" in asked(SYSTEM, server.live).problem


def test_an_endpoint_that_is_gone_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = replace(LIVE, serving=(), problem="the endpoint oep-1 is gone")
    assert asked(SYSTEM, gone).problem == "the endpoint oep-1 is gone"

    def refused(self: OnlineEndpoints) -> str:
        raise CloudError("HTTP 403")

    monkeypatch.setattr(OnlineEndpoints, "key", refused)
    assert "its key could not be read: HTTP 403" in asked(SYSTEM, replace(LIVE, scoring_uri="http://x/score")).problem


def test_what_is_not_meant_to_serve_is_not_asked() -> None:
    assert ask(SYSTEM, LiveSystem("bike_buyer", scoring_uri="http://x/score")) is None
