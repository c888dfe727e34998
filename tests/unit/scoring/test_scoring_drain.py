"""SIGTERM: whoever asks gets an answer, and then the process ends by itself."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import select
import signal
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from ml.scoring.http.listener import drop_beginnings, take_all
from ml.scoring.http.server import TELEMETRY_SECONDS
from tests.unit.ingestion_server import Answer, ingestion_server
from tests.unit.scoring.models import OLD_AGE, write_model
from tests.unit.scoring.running import COMMAND, JSON, SECONDS, Scoring, get, posted, serving, start, until


class KeepAliveClient(threading.Thread):
    """Asks again and again on kept connections, without retries, until the server refuses new ones."""

    def __init__(self, port: int, row: dict[str, Any], keep: bool) -> None:
        super().__init__(daemon=True)
        self.port, self.body, self.keep = port, json.dumps({"data": [row]}), keep
        self.answered = 0
        self.failures: list[str] = []
        self.asked_to_leave = 0

    def run(self) -> None:
        try:
            while True:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.connect()
                self.ask(connection)
        except ConnectionRefusedError:
            return

    def ask(self, connection: http.client.HTTPConnection) -> None:
        """Until the connection is closed with an answer."""
        try:
            while True:
                connection.request("POST", "/score", self.body, JSON)
                reply = connection.getresponse()
                content = reply.read()
                if reply.status != 200 or b"probability" not in content:
                    self.failures.append(f"{reply.status} {content!r}")
                self.answered += 1
                if reply.will_close:
                    self.asked_to_leave += 1
                    return
                if not self.keep:
                    return
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
        finally:
            connection.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_when_the_server_ends_under_load(
    model: Path, row: dict[str, Any], tmp_path: Path, workers: int
) -> None:
    with serving(model, tmp_path / "log", linger_seconds=1, workers=workers) as scoring:
        clients = [KeepAliveClient(scoring.port, row, keep=index % 2 == 0) for index in range(8)]
        for client in clients:
            client.start()
        until(lambda: all(client.answered > 20 for client in clients), scoring.log)
        assert scoring.stop() == 0
        for client in clients:
            client.join(10)
            assert not client.is_alive()
        assert [client.failures for client in clients] == [[]] * 8
        assert all(client.asked_to_leave for client in clients if client.keep)
    stopped = [line for line in scoring.lines() if line["message"] == "stopped"]
    assert [line["unanswered_connections"] for line in stopped] == [0] * workers


def test_it_is_not_ready_while_it_ends(model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    with serving(model, tmp_path / "log", linger_seconds=2) as scoring, scoring.connect() as idle:
        idle.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert "connection" not in idle.reply().headers
        scoring.process.send_signal(signal.SIGTERM)
        scoring.said("draining")
        ready = scoring.ask("GET", "/ready")
        assert (ready.status, ready.code) == (503, "draining")
        assert ready.headers["connection"] == "close"
        assert scoring.score(row).status == 200
        assert not idle.more(), "idle connections are closed"
        assert scoring.process.wait(10) == 0


@pytest.fixture(scope="module")
def slow_model(asked: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    young = asked[asked["Age"] <= OLD_AGE]
    return write_model(tmp_path_factory.mktemp("slow") / "model", young, old_age_turns=1_000)


def send(scoring: Scoring, client: Any, row: dict[str, Any]) -> None:
    client.send(posted([row | {"Age": 120}]))
    until(lambda: scoring.gauge("scoring_requests_waiting") == 1, scoring.log)


def test_what_is_being_scored_is_still_answered(slow_model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    with serving(slow_model, tmp_path / "log", scoring_thread="always") as scoring, scoring.connect() as client:
        send(scoring, client, row)
        scoring.process.send_signal(signal.SIGTERM)
        reply = client.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert scoring.process.wait(10) == 0


def test_requests_that_wait_behind_it_are_answered_too(slow_model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    """They had all come before the end; only the last answer closes the connection."""
    with serving(slow_model, tmp_path / "log", scoring_thread="always") as scoring, scoring.connect() as client:
        send(scoring, client, row)
        client.send(posted([row]) * 5 + get(b"/version") + posted([row])[:-1])
        scoring.process.send_signal(signal.SIGTERM)
        scoring.said("draining")
        client.send(b"}")
        replies = client.all_replies()
        assert [reply.status for reply in replies] == [200] * 8
        assert [reply.headers.get("connection") for reply in replies] == [None] * 7 + ["close"]
        assert scoring.process.wait(10) == 0
        assert scoring.said("stopped")["unanswered_connections"] == 0


@pytest.mark.parametrize("count", [3, 40])
def test_what_comes_together_at_the_end_is_all_answered(
    model: Path, row: dict[str, Any], tmp_path: Path, count: int
) -> None:
    with serving(model, tmp_path / "log", linger_seconds=20) as scoring, scoring.connect() as client:
        client.send(get())
        assert client.reply().status == 200
        scoring.process.send_signal(signal.SIGTERM)
        scoring.said("draining")
        client.send((get() + posted([row])) * count)
        replies = client.all_replies()
        assert [reply.status for reply in replies] == [200] * 2 * count
        assert [reply.headers.get("connection") for reply in replies] == [None] * (2 * count - 1) + ["close"]


def test_no_request_is_lost_on_an_idle_connection_when_the_server_stops_waiting_for_it(
    model: Path, row: dict[str, Any], tmp_path: Path
) -> None:
    """They have all come, but not been read, when the time is over; only without a request connections are closed."""
    linger = 2.0
    with serving(model, tmp_path / "log", linger_seconds=linger) as scoring, ExitStack() as stack:
        asking, silent = ([stack.enter_context(scoring.connect()) for _ in range(50)] for _ in range(2))
        for client in (*asking, *silent):
            client.send(get())
            assert client.reply().status == 200
        scoring.process.send_signal(signal.SIGTERM)
        scoring.said("draining")
        with scoring.stopped():
            for client in asking:
                client.send(posted([row]))
            time.sleep(linger)  # the server's clock goes on while it stands still
        replies = [client.all_replies() for client in asking]
        assert [[reply.status for reply in one] for one in replies] == [[200]] * len(asking)
        assert [client.all_replies() for client in silent] == [[]] * len(silent)
        assert scoring.process.wait(10) == 0


def test_a_port_that_closes_resets_nobody() -> None:
    """Who had connected is taken, and who comes later is refused: nobody is connected to a port that is gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as late:
        listener.setblocking(False)
        with socket.create_connection(listener.getsockname()) as early:
            drop_beginnings(listener)
            late.setblocking(False)
            late.connect_ex(listener.getsockname())
            early.sendall(b"x")
            (taken,) = take_all(listener)
            listener.close()
            taken.settimeout(SECONDS)
            assert taken.recv(1) == b"x"
            taken.close()
        assert select.select([], [late], [], SECONDS)[1]
        assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_draining_has_an_end(slow_model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    settings = {"scoring_thread": "always", "drain_seconds": 0.1}
    with serving(slow_model, tmp_path / "log", **settings) as scoring, scoring.connect() as client:
        send(scoring, client, row)
        begin = time.monotonic()
        assert scoring.stop() == 0
        assert time.monotonic() - begin < 3
        assert scoring.said("stopped")["unanswered_connections"] == 1


def test_it_can_be_stopped_while_it_starts(model: Path, tmp_path: Path) -> None:
    scoring = start(model, tmp_path / "log")
    scoring.said("listening")
    assert scoring.stop() == 0


def test_of_several_workers_only_those_that_are_ready_are_asked(
    model: Path, row: dict[str, Any], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        port = made.getsockname()[1]
    scoring = start(model, tmp_path / "log", workers=2, port=port)
    scoring.port = port
    seen: set[int] = set()

    def both_ready() -> bool:
        with contextlib.suppress(ConnectionRefusedError):
            seen.add(scoring.score(row).status)
        return [line["message"] for line in scoring.lines()].count("ready") == 2

    try:
        until(both_ready, scoring.log)
        assert seen == {200}
        assert scoring.stop() == 0
    finally:
        scoring.process.kill()
        scoring.process.wait()


def test_workers_end_when_the_first_process_is_killed(model: Path, tmp_path: Path) -> None:
    with serving(model, tmp_path / "log", workers=2) as scoring:
        workers = psutil.Process(scoring.process.pid).children()
        assert len(workers) == 2
        scoring.process.kill()
        scoring.process.wait()
        gone, alive = psutil.wait_procs(workers, timeout=10)
        assert (len(gone), alive) == (2, [])


@pytest.mark.parametrize(("sent", "exit_code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)])
def test_all_workers_end_when_one_does(model: Path, tmp_path: Path, sent: signal.Signals, exit_code: int) -> None:
    with serving(model, tmp_path / "log", workers=2) as scoring:
        psutil.Process(scoring.process.pid).children()[0].send_signal(sent)
        assert scoring.process.wait(10) == 1, "nobody asked for the end"
        assert scoring.said("a worker ended, so all end")["exit_code"] == exit_code


def test_the_end_of_a_process_that_is_no_worker_means_nothing(model: Path, tmp_path: Path) -> None:
    """The first process of a container inherits orphans; this one has a child from before it became the server."""
    command = ("/bin/sh", "-c", 'sleep 0 & exec "$0" "$@"', *COMMAND)
    with serving(model, tmp_path / "log", command, workers=2) as scoring:
        scoring.assert_alive()
        until(lambda: len(psutil.Process(scoring.process.pid).children()) == 2, scoring.log)
        assert scoring.stop() == 0
        assert "a worker ended, so all end" not in [line["message"] for line in scoring.lines()]


def test_telemetry_has_its_own_time_at_the_end(model: Path, row: dict[str, Any], tmp_path: Path) -> None:
    """Five seconds when draining has used up its own, and no more when nobody takes it."""
    with ingestion_server() as insights:
        insights.script.extend([Answer(hang=True)] * 10)
        connection = f"InstrumentationKey=00000000-0000-0000-0000-00000000abcd;IngestionEndpoint={insights.url}"
        settings = {"drain_seconds": 0.1, "applicationinsights_connection_string": connection}
        with serving(model, tmp_path / "log", **settings) as scoring:
            assert scoring.score(row).status == 200
            begin = time.monotonic()
            assert scoring.stop() == 0
            assert TELEMETRY_SECONDS - 0.5 < time.monotonic() - begin < TELEMETRY_SECONDS + 3
            assert scoring.said("stopped")["telemetry_dropped"] == 1
