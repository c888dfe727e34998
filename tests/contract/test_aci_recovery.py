"""kill -9 of the emulator: container groups come back at their addresses, and nothing is left of their programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from emulator.containers.sandbox_engine import SandboxEngine
from emulator.supervisor import Supervisor
from ml.clients.arm import arm
from ml.clients.cloud import credential, load_cloud
from tests.conftest import ROOT, RunningEmulator
from tests.contract.container_groups import PORT, GroupFailure, Place, container, make_place
from tools import localhost_names

# Two processes, as servers have that use more than one core; the second one is not told when the first is killed, and
# has a session of its own.
FAMILY = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
os.execv(sys.executable, [sys.executable, "server.py"])
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator that may be killed; its containers are in no other program's hands."""
    supervisor = Supervisor(tmp_path_factory.mktemp("killed"))
    choose_engine(supervisor, "process" if SandboxEngine().trouble() else "sandbox")
    supervisor.start()
    environment = supervisor.environment()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        forget_clients()
        yield RunningEmulator(supervisor, supervisor.settings(), environment)
        forget_clients()
    supervisor.reset()


def choose_engine(supervisor: Supervisor, engine: str) -> None:
    """Writes the engine into `settings.json`."""
    supervisor.settings()
    file = supervisor.state / "settings.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "container_runtime": engine}))


def forget_clients() -> None:
    """The clients of this process find the emulator anew."""
    if arm.cache_info().currsize:
        arm().close()
    for cached in (arm, load_cloud, credential):
        cached.cache_clear()


@pytest.fixture(scope="module")
def place(own: RunningEmulator) -> Place:
    return make_place()


def programs(own: RunningEmulator) -> list[psutil.Process]:
    """Processes of containers: they carry the emulator's mark, and are not the emulator's own."""
    found = []
    for process in psutil.process_iter(["environ"]):
        environment = process.info["environ"] or {}
        if environment.get("EMULATOR_STATE") == str(own.settings.state) and "HOST" in environment:
            found.append(process)
    return found


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"


def kill(own: RunningEmulator) -> None:
    """kill -9 of the emulator's own process."""
    handle = own.supervisor.handle()
    process = handle.process() if handle else None
    assert process is not None
    process.kill()
    process.wait(10)


def start(own: RunningEmulator) -> None:
    """`python -m emulator start`."""
    arguments = [sys.executable, "-m", "emulator", "start", "--state", str(own.settings.state)]
    subprocess.run(arguments, cwd=ROOT, check=True)


def test_group_comes_back_at_its_address_after_a_kill(own: RunningEmulator, place: Place) -> None:
    group = place.python("group", FAMILY, secrets={"GREETING": "still a secret"})
    state = place.groups.create(group)
    assert len(programs(own)) == 2
    kill(own)
    # The program ends with the emulator; what it had started does at the next start.
    until(lambda: len(programs(own)) <= 1)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{state.address}/")
    start(own)
    again = place.groups.create(group)
    assert again.address == state.address
    assert httpx.get(f"http://{state.address}/").json()["greeting"] == "still a secret"
    assert len(programs(own)) == 2
    place.groups.delete(group.name)
    until(lambda: not programs(own))


def test_group_that_had_ended_or_was_stopped_does_not_run_again(own: RunningEmulator, place: Place) -> None:
    once = place.python("once", "print('done')", restart_policy="OnFailure", readiness_path="")
    with suppress(GroupFailure):  # it may have ended before it was seen running
        place.groups.create(once)
    stopped = place.group("stopped")
    place.groups.create(stopped)
    arm().post(f"{place.groups.path(stopped.name)}/stop", "2023-05-01")
    until(lambda: list(own.settings.state.glob("containers/*once*/end.json")))
    kill(own)
    start(own)
    assert place.document(once.name)["properties"]["instanceView"]["state"] == "Succeeded"
    assert place.document(stopped.name)["properties"]["instanceView"]["state"] == "Stopped"
    assert container(place.document(once.name))["instanceView"]["currentState"]["exitCode"] == 0
    assert place.groups.logs(once.name) == "done\n"
    assert not programs(own)


def test_address_of_a_group_that_never_came_to_be_is_free_after_a_start(own: RunningEmulator, place: Place) -> None:
    group = place.group("kept")
    state = place.groups.create(group)
    kill(own)
    file = own.settings.state / "containers" / "addresses.json"
    numbers = json.loads(file.read_text())
    # A kill while the request was checked: what it held is on disk, its document is not.
    never = file.parent / "container-group-g-never-c-00000000"
    never.mkdir()
    (never / "name").write_text("container-group/g/never/c")
    file.write_text(json.dumps({**numbers, "container-group/g/never": 254}))
    start(own)
    assert json.loads(file.read_text()) == numbers
    assert not never.exists()
    assert place.groups.create(group).address == state.address
    place.groups.delete(group.name)


def test_host_name_leads_to_the_group(own: RunningEmulator, place: Place, tmp_path: Path) -> None:
    group = place.group("named", dns_label="a-named-group")
    state = place.groups.create(group)
    host_name = place.document(group.name)["properties"]["ipAddress"]["fqdn"]
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    localhost_names.install(tmp_path)
    code = (
        "import _localhost_names, _localhost_names_groups, socket, sys\n"
        f"print(*[socket.getaddrinfo(name, {PORT}, socket.AF_INET)[0][4] for name in sys.argv[1:]])"
    )
    said = subprocess.run(
        [sys.executable, "-S", "-c", code, host_name.upper(), "other.westeurope.azurecontainer.localhost"],
        env={"PYTHONPATH": str(packages), "EMULATOR_HOSTS": own.environment["EMULATOR_HOSTS"], "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    address = state.address.rpartition(":")[0]
    assert said.strip() == f"('{address}', {PORT}) ('127.0.0.1', {PORT})"
