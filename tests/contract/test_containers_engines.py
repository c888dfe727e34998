"""One image on every engine that works here: the same answers, the same end, nothing left behind."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.images import Images
from emulator.containers.choice import choose
from emulator.containers.container import Container
from emulator.containers.host import ContainerHost
from emulator.containers.specification import ContainerSpecification, Probe
from tests.conftest import RunningEmulator
from tests.contract.image_builder import build_server_image, make_registry

PORT = 5001
SEE = """
import json, os, sys
def writable(path):
    try:
        open(path, "a").close()
    except OSError:
        return False
    return True
print(json.dumps({
    "user": os.getuid(), "folder": os.getcwd(), "program": sys.executable, "name": os.environ["NAME"],
    "mounted": open(sys.argv[1]).read(),
    "writable": [path for path in ("/app/x", "/tmp/x", sys.argv[1]) if writable(path)],
}))
"""

SLEEP = "import time; time.sleep(600)"
# Its second process leaves its session, and has another parent once the first one has ended.
DAEMON = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "{SLEEP}", sys.argv[1]], start_new_session=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def image(emulator: RunningEmulator) -> str:
    return build_server_image(make_registry())


@pytest.fixture(scope="module")
def folders(emulator: RunningEmulator, image: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Where the session's registry has its images, and where these tests unpack them."""
    storage = emulator.settings.state / "container-registry" / image.partition(".")[0] / "storage"
    return storage, tmp_path_factory.mktemp("images")


@pytest.fixture(params=["process", "sandbox", "podman", "docker"])
def host(request: pytest.FixtureRequest, folders: tuple[Path, Path], tmp_path: Path) -> Iterator[ContainerHost]:
    try:
        made = make_host(request.param, tmp_path, *folders)
    except RuntimeError as error:
        pytest.skip(str(error))
    yield made
    made.close(1.0)


def make_host(engine: str, state: Path, storage: Path, unpacked: Path) -> ContainerHost:
    images, port = Images(unpacked, lambda _: RegistryFiles(storage)), 40000 + os.getpid() % 20000
    return ContainerHost(state, port, choose(engine, state)[0], lambda: images, 0.5)


def specification(host: ContainerHost, image: str, **more: Any) -> ContainerSpecification:
    address = host.address("greeter")
    plain = ContainerSpecification("greeter", image, address, (PORT,), {"GREETING": "hello"}, memory_gb=0.5)
    return replace(plain, **more)


def said(container: Container) -> str:
    assert container.wait(lambda one: one.state == "Terminated", 60), (container.current, container.logs())
    return container.logs()


def test_image_serves_at_its_own_address_and_drains(host: ContainerHost, image: str) -> None:
    container = host.start(specification(host, image, readiness=Probe("/", PORT, period=0.1)))
    assert container.wait(lambda one: one.ready, 60), (container.current, container.logs(), container.events)
    url = f"http://{container.specification.address}:{PORT}/x"
    assert httpx.get(url).json() == {"greeting": "hello", "path": "/x"}
    host.stop("greeter", grace=10)
    assert (container.state, container.exit_code) == ("Terminated", 0)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_program_sees_its_image(host: ContainerHost, image: str, tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text("from outside")
    mounts = {"/mnt/note": note}
    command = ("python3", "-c", SEE, "/mnt/note")
    environment = {"NAME": 'a "b" $c\nd'}
    container = host.start(
        specification(host, image, command=command, mounts=mounts, environment=environment, restart="Never")
    )
    seen = json.loads(said(container))
    assert seen["mounted"] == "from outside"
    assert seen["name"] == environment["NAME"]
    assert seen["folder"].endswith("/app")
    if host.engine.name != "process":
        assert (seen["user"], seen["folder"], seen["writable"]) == (10001, "/app", ["/tmp/x"])
        assert seen["program"] == "/usr/local/bin/python3"


def test_end_of_a_program_is_told_with_its_code(host: ContainerHost, image: str) -> None:
    container = host.start(
        specification(host, image, command=("python3", "-c", "raise SystemExit(3)"), restart="Never")
    )
    said(container)
    assert (container.exit_code, container.reason) == (3, "Error")


def test_memory_above_the_limit_is_told(host: ContainerHost, image: str) -> None:
    greedy = ("python3", "-c", "hold = b'x' * 300_000_000\nimport time; time.sleep(600)")
    container = host.start(specification(host, image, command=greedy, memory_gb=0.1, restart="Never"))
    said(container)
    assert (container.exit_code, container.reason) == (137, "OOMKilled")


def test_program_that_ignores_sigterm_is_killed(host: ContainerHost, image: str) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    container = host.start(specification(host, image, command=("python3", "-c", deaf)))
    deadline = time.monotonic() + 30
    while "deaf" not in container.logs():
        assert time.monotonic() < deadline, container.current
    host.stop("greeter", grace=0.3)
    assert container.exit_code == 137


def test_program_that_is_not_in_the_image(host: ContainerHost, image: str) -> None:
    container = host.start(specification(host, image, command=("/no/such/program",)))
    assert container.wait(lambda one: one.reason == "CrashLoopBackOff", 60)
    assert "/no/such/program" in container.message + container.logs()


def daemon(host: ContainerHost, image: str, word: str) -> ContainerSpecification:
    return specification(host, image, command=("python3", "-c", DAEMON, word), restart="Never")


def runs(word: str) -> bool:
    """Whether the second process runs."""
    return any((one.info["cmdline"] or [])[-2:] == [SLEEP, word] for one in psutil.process_iter(["cmdline"]))


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline


def test_daemon_ends_with_its_container(host: ContainerHost, image: str) -> None:
    word = uuid.uuid4().hex
    host.start(daemon(host, image, word))
    until(lambda: runs(word))
    host.stop("greeter", grace=5)
    until(lambda: not runs(word))


def hold(engine: str, state: Path, storage: Path, unpacked: Path, image: str, word: str) -> None:
    """A process with a host that is going to be killed."""
    host = make_host(engine, state, storage, unpacked)
    host.start(daemon(host, image, word))
    time.sleep(600)


def test_next_start_ends_the_daemons_of_a_host_that_was_killed(
    host: ContainerHost, image: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    word = uuid.uuid4().hex
    arguments = (host.engine.name, tmp_path, *folders, image, word)
    process = multiprocessing.get_context("spawn").Process(target=hold, args=arguments)
    process.start()
    until(lambda: runs(word))
    process.kill()
    process.join()
    process.close()
    host.clean()
    until(lambda: not runs(word))
