"""One address before several deployments: shares, names, the key, and what happens when one cannot be reached."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ml.scoring.errors import StartError
from ml.scoring.gateway.document import Document
from ml.scoring.gateway.service import GatewayService
from ml.scoring.gateway.shares import Deployment, Shares, read
from ml.scoring.http.protocol import Connection
from ml.scoring.settings import Settings
from tests.unit.scoring.running import Scoring, serving

KEY = "a-key-of-the-gateway"
AUTHORIZED = {"authorization": f"Bearer {KEY}"}
HEADER = "azureml-model-deployment"


class Running:
    """A gateway in a thread of this process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        """Serves until `stop`."""
        asyncio.set_event_loop(self.loop)
        settings = Settings(host="127.0.0.1", port=0, scoring_key=KEY)
        self.service = GatewayService(settings, self.loop)
        server = self.loop.run_until_complete(self.loop.create_server(lambda: Connection(self.service), "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()
        server.close()
        self.service._forwarding.keep_only(set())
        self.loop.run_until_complete(asyncio.sleep(0.01))
        self.loop.close()

    def take(self, revision: str, **shares: tuple[int, int]) -> None:
        """Port and percent by name."""
        made = {name: Deployment(f"127.0.0.1:{port}", share) for name, (port, share) in shares.items()}
        asyncio.run_coroutine_threadsafe(self._take(Shares(revision, made)), self.loop).result(5)

    async def _take(self, shares: Shares) -> None:
        self.service.take(shares)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found


@contextmanager
def started() -> Iterator[Running]:
    running = Running()
    running.thread.start()
    try:
        assert running.ready.wait(10)
        yield running
    finally:
        running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join(10)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    with started() as running:
        yield running


@pytest.fixture(scope="module")
def keyed(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scoring]:
    """A deployment that wants the key."""
    with serving(model, tmp_path_factory.mktemp("keyed") / "log", scoring_key=KEY) as running:
        yield running


def nobody() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_before_the_first_document_it_says_that_it_is_not_ready() -> None:
    with started() as fresh:
        assert fresh.ask("GET", "/")[0] == 200
        assert fresh.ask("GET", "/ready")[0] == fresh.ask("GET", "/version")[0] == 503
        assert fresh.ask("POST", "/score", {"data": []}, **AUTHORIZED)[0] == 503


def test_a_request_and_its_answer_pass_through_unchanged(gateway: Running, keyed: Scoring, row: Any) -> None:
    gateway.take("1", a=(keyed.port, 100))
    direct = keyed.score(row, headers=AUTHORIZED)
    status, headers, body = gateway.ask("POST", "/score", {"data": [row]}, **AUTHORIZED)
    assert (status, body, headers[HEADER]) == (200, direct.body, "a")
    for path in ("/version", "/swagger.json"):
        assert gateway.ask("GET", path)[2] == keyed.ask("GET", path).body
    assert gateway.ask("GET", "/ready")[0] == 200
    wrong = {**row, "Age": "old"}
    refused, direct = (
        gateway.ask("POST", "/score", {"data": [wrong]}, **AUTHORIZED),
        keyed.score(wrong, headers=AUTHORIZED),
    )
    assert (refused[0], refused[2]) == (400, direct.body)
    assert gateway.ask("POST", "/elsewhere", {})[0] == 404


def test_the_key_is_asked_for_at_the_door(gateway: Running, keyed: Scoring, row: Any) -> None:
    gateway.take("2", a=(keyed.port, 100))
    assert gateway.ask("POST", "/score", {"data": [row]})[0] == 401
    assert gateway.ask("POST", "/score", {"data": [row]}, authorization="Bearer other")[0] == 401
    for path in ("/gateway/shares", "/gateway/requests"):
        assert gateway.ask("GET", path)[0] == 401
        assert gateway.ask("GET", path, authorization="Bearer other")[0] == 401
    assert read(gateway.ask("GET", "/gateway/shares", **AUTHORIZED)[2]).revision == "2"


def test_shares_and_names_decide_who_answers(gateway: Running, keyed: Scoring, row: Any) -> None:
    gateway.take("3", a=(keyed.port, 75), b=(keyed.port, 25), c=(keyed.port, 0))
    found = [gateway.ask("POST", "/score", {"data": [row]}, **AUTHORIZED)[1][HEADER] for _ in range(200)]
    assert found.count("a") + found.count("b") == 200
    assert 100 < found.count("a") < 195  # chance alone: less than one in a million
    named = gateway.ask("POST", "/score", {"data": [row]}, **AUTHORIZED, azureml_model_deployment="c")
    assert (named[0], named[1][HEADER]) == (200, "c")
    assert gateway.ask("POST", "/score", {"data": [row]}, **AUTHORIZED, azureml_model_deployment="d")[0] == 404


def test_one_that_cannot_be_reached_costs_clients_nothing_and_is_counted(keyed: Scoring, row: Any) -> None:
    with started() as gateway:
        gateway.take("4", good=(keyed.port, 50), gone=(nobody(), 50))
        answers = [gateway.ask("POST", "/score", {"data": [row]}, **AUTHORIZED) for _ in range(40)]
        assert {(status, headers[HEADER]) for status, headers, _ in answers} == {(200, "good")}
        named = gateway.ask("POST", "/score", {"data": [row]}, **AUTHORIZED, azureml_model_deployment="gone")
        assert named[0] == 503
        counted = json.loads(gateway.ask("GET", "/gateway/requests", **AUTHORIZED)[2])
    good, gone = ([sum(one) for one in zip(*counted[name].values(), strict=True)] for name in ("good", "gone"))
    assert good == [40, 0]
    assert gone[0] == gone[1] >= 2


def test_no_request_is_lost_while_the_shares_change(
    gateway: Running, keyed: Scoring, model: Path, tmp_path: Path, row: Any
) -> None:
    gateway.take("5", old=(keyed.port, 100))
    stopped = threading.Event()

    def client() -> list[int]:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        statuses = []
        while not stopped.is_set():
            connection.request("POST", "/score", json.dumps({"data": [row]}), AUTHORIZED)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        return statuses

    with ThreadPoolExecutor(4) as pool, serving(model, tmp_path / "log", scoring_key=KEY) as new:
        clients = [pool.submit(client) for _ in range(4)]
        for number, share in enumerate((0, 10, 50, 100, 0, 100)):
            gateway.take(f"6-{number}", old=(keyed.port, 100 - share), new=(new.port, share))
            threading.Event().wait(0.05)
        gateway.take("7", old=(keyed.port, 100))
        assert new.stop() == 0
        stopped.set()
        statuses = [status for one in clients for status in one.result()]
    assert len(statuses) > 100
    assert set(statuses) == {200}


def test_it_starts_only_with_the_address_of_a_document() -> None:
    for url in ("", "http://account.example/shares.json", "https://account.example"):
        with pytest.raises(StartError, match="SHARES_URL"):
            Document({"SHARES_URL": url}, lambda shares: None)
