"""The container host with real programs of this machine: life, end, crash, hang, memory, listening."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from emulator.containers.container import Container
from emulator.containers.host import ContainerHost
from emulator.containers.images import Images
from emulator.containers.process_engine import ProcessEngine
from emulator.containers.specification import ContainerSpecification, Probe

PORT = 8080
BACK_OFF = 0.05
SERVE = """
import http.server, os, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(pathlib.Path(sys.argv[1]).read_text())); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer((sys.argv[2] or os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
DAEMON = "setsid sleep 600 & echo $!; exec sleep 600"


def no_images() -> Images:
    raise LookupError("there is no registry")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ContainerHost]:
    """A host without images; its port makes its addresses its own on this machine."""
    made = ContainerHost(tmp_path, 40000 + os.getpid() % 20000, ProcessEngine(), no_images, BACK_OFF)
    yield made
    made.close(1.0)


def python(host: ContainerHost, program: str, *arguments: str, **more: Any) -> ContainerSpecification:
    command = (sys.executable, "-u", "-c", program, *arguments)
    return ContainerSpecification("c", None, host.address("c"), (PORT,), {}, command, **more)


def server(host: ContainerHost, status: Path, listen: str = "", **more: Any) -> ContainerSpecification:
    status.write_text("200")
    return python(host, SERVE, str(status), listen, readiness=Probe("/", PORT, period=0.05), **more)


def event(container: Container, name: str) -> str:
    return "\n".join(one.message for one in container.events if one.name == name)


def until_log(container: Container, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in container.logs():
        assert time.monotonic() < deadline, container.logs()


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} runs"


@contextmanager
def sleeper(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"], env=environment) as process:
        yield process
        process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_container_gets_ready_where_it_was_told_to_listen(host: ContainerHost, tmp_path: Path) -> None:
    specification = server(host, tmp_path / "status")
    container = host.start(specification)
    assert container.wait(lambda one: one.ready, 20)
    assert (container.state, container.restarts, container.exit_code) == ("Running", 0, None)
    assert httpx.get(f"http://{specification.address}:{PORT}/").status_code == 200
    assert host.start(specification) is container
    assert host.find("c") is container
    host.stop("c")
    assert (container.state, container.ready, container.exit_code) == ("Terminated", False, 143)
    assert host.find("c") is None
    host.stop("c")


def test_readiness_comes_and_goes(host: ContainerHost, tmp_path: Path) -> None:
    status = tmp_path / "status"
    container = host.start(server(host, status))
    assert container.wait(lambda one: one.ready, 20)
    status.write_text("503")
    assert container.wait(lambda one: not one.ready, 20)
    assert "HTTP probe failed with statuscode: 503" in event(container, "Unhealthy")
    status.write_text("200")
    assert container.wait(lambda one: one.ready, 20)
    assert container.restarts == 0


def test_liveness_that_fails_restarts(host: ContainerHost, tmp_path: Path) -> None:
    status = tmp_path / "status"
    liveness = Probe("/", PORT, initial_delay=0.5, period=0.05, failure_threshold=2)
    container = host.start(server(host, status, liveness=liveness))
    assert container.wait(lambda one: one.ready, 20)
    status.write_text("500")
    assert container.wait(lambda one: one.restarts == 1, 20)
    status.write_text("200")
    assert container.wait(lambda one: one.ready, 20)
    assert "failed its liveness probe" in event(container, "Killing")


def test_crash_loop_backs_off_and_keeps_the_log_of_all_runs(host: ContainerHost) -> None:
    container = host.start(python(host, "print('boom'); raise SystemExit(3)"))
    assert container.wait(lambda one: one.restarts >= 3 and one.reason == "CrashLoopBackOff", 20)
    assert (container.state, container.exit_code) == ("Waiting", 3)
    assert container.previous is not None
    assert container.previous.reason == "Error"
    assert container.logs().count("boom") >= 3
    assert container.logs(1) == "boom\n"
    host.stop("c")
    assert container.state == "Terminated"


@pytest.mark.parametrize(
    ("restart", "code", "restarts", "reason"),
    [("Never", 3, False, "Error"), ("OnFailure", 0, False, "Completed"), ("OnFailure", 3, True, "")],
)
def test_restart_policies(host: ContainerHost, restart: Any, code: int, restarts: bool, reason: str) -> None:
    container = host.start(python(host, f"raise SystemExit({code})", restart=restart))
    if restarts:
        assert container.wait(lambda one: one.restarts > 0, 20)
    else:
        assert container.wait(lambda one: one.state == "Terminated", 20)
        assert (container.reason, container.exit_code, container.restarts) == (reason, code, 0)


def test_program_that_ignores_sigterm_is_killed_after_its_grace(host: ContainerHost) -> None:
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    container = host.start(python(host, program))
    until_log(container, "deaf")
    began = time.monotonic()
    host.stop("c", grace=0.3)
    assert container.exit_code == 137
    assert 0.3 <= time.monotonic() - began < 10


def test_nothing_that_the_program_started_outlives_it(host: ContainerHost) -> None:
    program = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    )
    container = host.start(python(host, program, restart="Never"))
    assert container.wait(lambda one: one.state == "Terminated", 20)
    until_gone(int(container.logs()))


@pytest.mark.parametrize("end", ["exit 3", "exec sleep 600"], ids=["crash", "stop"])
def test_daemon_in_a_session_of_its_own_ends_with_its_container(host: ContainerHost, end: str) -> None:
    command = ("sh", "-c", DAEMON.replace("exec sleep 600", end))
    container = host.start(replace(python(host, "", restart="Never"), command=command))
    until_log(container, "\n")
    host.stop("c", grace=5)
    until_gone(int(container.logs()))


def test_start_ends_what_a_killed_emulator_left_and_nothing_else(host: ContainerHost, tmp_path: Path) -> None:
    container = host.start(replace(python(host, "", restart="Never"), command=("sh", "-c", DAEMON)))
    until_log(container, "\n")
    folder = str(tmp_path / "containers")
    others = ({"EMULATOR_STATE": str(tmp_path)}, {"EMULATOR_CONTAINER": f"{folder}-of-another/c#00000000"})
    with ExitStack() as stack:
        spared = [stack.enter_context(sleeper({**os.environ, **one})) for one in others]
        host.clean()
        until_gone(int(container.logs()))
        assert container.wait(lambda one: one.state == "Terminated", 20)
        assert [one.poll() for one in spared] == [None, None]


def test_what_nobody_owns_is_released(host: ContainerHost, tmp_path: Path) -> None:
    for name in ("kind/kept/a", "kind/gone/b", "other/c"):
        address = host.address(name.rpartition("/")[0])
        specification = replace(python(host, "", restart="Never"), name=name, address=address)
        assert host.start(specification).wait(lambda one: one.state == "Terminated", 20)
        host.stop(name)
    host.address("kind/never-made")
    host.release("c")
    host.release_others("kind/", {"kind/kept"})
    left = {file.read_text() for file in tmp_path.glob("containers/*/name")}
    assert left == {"kind/kept/a", "other/c"}
    assert set(json.loads((tmp_path / "containers" / "addresses.json").read_text())) == {"kind/kept", "other"}


def test_memory_above_the_limit(host: ContainerHost) -> None:
    program = "hold = b'x' * 200_000_000\nimport time; time.sleep(600)"
    container = host.start(python(host, program, memory_gb=0.1, restart="Never"))
    assert container.wait(lambda one: one.state == "Terminated", 20)
    assert (container.reason, container.exit_code) == ("OOMKilled", 137)
    assert "its limit is 0.1 GB" in event(container, "Killing")


@pytest.mark.parametrize(("listen", "name"), [("0.0.0.0", "ListensEverywhere"), ("127.0.0.1", "ListensElsewhere")])
def test_program_that_listens_elsewhere_is_noticed(host: ContainerHost, tmp_path: Path, listen: str, name: str) -> None:
    port = free_port()  # nobody else on this machine must find its port taken
    container = host.start(replace(server(host, tmp_path / "status", listen), ports=(port,)))
    assert container.wait(lambda one: bool(event(one, name)), 20)
    assert f"{listen}:{port}" in event(container, name)


def test_port_in_use_is_said_and_tried_again(host: ContainerHost, tmp_path: Path) -> None:
    first = host.start(server(host, tmp_path / "status"))
    assert first.wait(lambda one: one.ready, 20)
    second = host.start(replace(server(host, tmp_path / "status"), name="other"))
    assert second.wait(lambda one: one.state == "Waiting" and "another program listens on" in one.message, 20)
    host.stop("c")
    assert second.wait(lambda one: one.ready, 20)


def test_another_specification_takes_the_place_of_the_first(host: ContainerHost, tmp_path: Path) -> None:
    first = host.start(server(host, tmp_path / "status"))
    assert first.wait(lambda one: one.ready, 20)
    second = host.start(replace(first.specification, environment={"A": "b"}))
    assert second is not first
    assert second.wait(lambda one: one.ready, 20)
    assert first.state == "Terminated"
    assert host.find("c") is second


@pytest.mark.parametrize("error", [LookupError, OSError, ValueError, RuntimeError, tarfile.ReadError])
def test_image_that_cannot_be_had_is_tried_again_and_can_be_stopped(
    host: ContainerHost, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def no_image() -> Images:
        raise error("there is no registry")

    monkeypatch.setattr(host, "_images", no_image)
    container = host.start(replace(python(host, ""), image="here.azurecr.localhost/a:1", command=None))
    assert container.wait(lambda one: one.reason == "ImagePullBackOff", 20)
    assert "there is no registry" in container.message
    host.stop("c")
    assert container.state == "Terminated"


def test_command_that_does_not_exist(host: ContainerHost) -> None:
    container = host.start(replace(python(host, ""), command=("/no/such/program",)))
    assert container.wait(lambda one: one.reason == "CrashLoopBackOff", 20)
    assert "/no/such/program" in container.message


def test_what_ended_for_good_stays_so_after_a_restart(host: ContainerHost, tmp_path: Path) -> None:
    specification = python(host, "open('ran', 'a').write('x')", restart="OnFailure", directory=tmp_path)
    assert host.start(specification).wait(lambda one: one.state == "Terminated", 20)
    deadline = time.monotonic() + 10
    while not list(tmp_path.glob("containers/*/end.json")):
        assert time.monotonic() < deadline
    again = ContainerHost(tmp_path, 20000, ProcessEngine(), no_images, BACK_OFF)
    try:
        container = again.resume(specification)
        assert (container.state, container.reason, container.exit_code) == ("Terminated", "Completed", 0)
        assert (tmp_path / "ran").read_text() == "x"
        assert again.start(replace(specification, environment={"A": "b"})).wait(lambda one: one.exit_code == 0, 20)
        assert (tmp_path / "ran").read_text() == "xx"
    finally:
        again.close(1.0)


def test_variables_are_the_containers_own(host: ContainerHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMULATORS_OWN", "canary")
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    container = host.start(replace(python(host, program, restart="Never"), environment={"A": "b", "HOST": "0.0.0.0"}))
    assert container.wait(lambda one: one.state == "Terminated", 20)
    assert "canary" not in container.logs()
    for text in ('"A": "b"', f'"HOST": "{host.address("c")}"', f'"PORT": "{PORT}"', '"ORT_DISABLE_TELEMETRY": "1"'):
        assert text in container.logs()
