"""One image on every engine that works here: the same answers, the same end, nothing left behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
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


@pytest.fixture(scope="module")
def image(emulator: RunningEmulator) -> str:
    return build_server_image(make_registry())


@pytest.fixture(scope="module")
def images(emulator: RunningEmulator, image: str, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """The session's registry, unpacked for these tests."""
    storage = emulator.settings.state / "container-registry" / image.partition(".")[0] / "storage"
    return Images(tmp_path_factory.mktemp("images"), lambda _: RegistryFiles(storage))


@pytest.fixture(params=["process", "sandbox", "podman", "docker"])
def host(request: pytest.FixtureRequest, images: Images, tmp_path: Path) -> Iterator[ContainerHost]:
    try:
        engine, _ = choose(request.param, tmp_path)
    except RuntimeError as error:
        pytest.skip(str(error))
    made = ContainerHost(tmp_path, 40000 + os.getpid() % 20000, engine, lambda: images, 0.5)
    yield made
    made.close(1.0)


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
