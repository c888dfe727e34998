"""kill -9 of the emulator while an image is built: no half image under its tag, and the build is taken up again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from emulator.supervisor import Supervisor
from ml.clients.arm import arm
from ml.clients.cloud import credential, load_cloud
from ml.clients.registry import ContainerRegistry
from ml.clients.registry_builds import RegistryBuilds
from tests.conftest import ROOT
from tests.contract.azureml_workspace import until
from tests.contract.image_builder import BASE, make_registry

STEPS = 400


@pytest.fixture(name="supervisor")
def fixture_supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """An emulator that may be killed, to which the clients of this process talk meanwhile."""
    supervisor = Supervisor(tmp_path / "killed")
    supervisor.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in supervisor.environment().items():
            patch.setenv(name, value)
        forget_cloud()
        yield supervisor
        forget_cloud()
    supervisor.reset()


def forget_cloud() -> None:
    """The clients look for their cloud again."""
    if arm.cache_info().currsize:
        arm().close()
    for cached in (arm, load_cloud, credential):
        cached.cache_clear()


def kill(supervisor: Supervisor) -> None:
    """kill -9 of the emulator's own process."""
    handle = supervisor.handle()
    process = handle.process() if handle else None
    assert process is not None
    process.kill()
    process.wait(10)


def servers(supervisor: Supervisor) -> list[psutil.Process]:
    """Registry servers of this emulator that still run."""
    state = str(supervisor.state)
    return [one for one in psutil.process_iter(["cmdline"]) if any(state in word for word in one.info["cmdline"] or [])]


def test_a_killed_build_is_taken_up_again(supervisor: Supervisor, tmp_path: Path) -> None:
    registry = make_registry()
    builds = RegistryBuilds(registry)
    steps = "".join(f"LABEL n{number}=x\n" for number in range(STEPS))
    (tmp_path / "Dockerfile").write_text(f"FROM {registry.reference(*BASE.split(':'))}\n{steps}")
    run = builds.schedule(source(builds, tmp_path / "Dockerfile"), "killed:1", 600)
    until(lambda: f"Step 10/{STEPS + 1}" in builds.log(run.id))
    assert builds.run(run.id).status == "Running"
    kill(supervisor)
    until(lambda: not servers(supervisor))
    unpacking = supervisor.state / "images" / "layers" / ".half.new"
    unpacking.mkdir(parents=True)
    restart(supervisor)
    assert not unpacking.exists()
    digest = ContainerRegistry(registry.id, registry.login_server).digest("killed", "1")
    until(lambda: builds.run(run.id).ended)
    assert digest in (None, builds.run(run.id).digest)
    assert builds.run(run.id).status == "Succeeded"
    assert builds.run(run.id).digest == registry.digest("killed", "1")


def source(builds: RegistryBuilds, dockerfile: Path) -> str:
    folder = dockerfile.parent / "context"
    folder.mkdir()
    dockerfile.rename(folder / "Dockerfile")
    return builds.upload(folder)


def restart(supervisor: Supervisor) -> None:
    """`python -m emulator start`."""
    words = ["emulator", "start", "--state", str(supervisor.state)]
    subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=True, capture_output=True)
