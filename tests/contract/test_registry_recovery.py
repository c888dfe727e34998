"""kill -9 of the emulator while an image is built: no half image under its tag, and the build is taken up again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from emulator.container_registry.files import RegistryFiles
from emulator.supervisor import Supervisor
from ml.clients.arm import arm
from ml.clients.cloud import credential, load_cloud
from ml.clients.registry import ContainerRegistry
from ml.clients.registry_builds import RegistryBuilds
from tests.conftest import ROOT
from tests.contract.azureml_workspace import until
from tests.contract.image_builder import BASE, build_server_image, make_registry

STEPS = 200
"""Of a build that is still under way when the emulator is killed."""


@pytest.fixture(name="supervisor", scope="module")
def fixture_supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """An emulator that may be killed, to which the clients of this process talk meanwhile."""
    supervisor = Supervisor(tmp_path_factory.mktemp("killed"))
    supervisor.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in supervisor.environment().items():
            patch.setenv(name, value)
        forget_cloud()
        yield supervisor
        forget_cloud()
    supervisor.reset()


@pytest.fixture(name="registry", scope="module")
def fixture_registry(supervisor: Supervisor) -> ContainerRegistry:
    """Its one registry."""
    return make_registry()


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


def test_a_killed_build_is_taken_up_again(supervisor: Supervisor, registry: ContainerRegistry, tmp_path: Path) -> None:
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


def test_a_run_whose_cancel_was_accepted_stays_cancelled_after_a_kill(
    supervisor: Supervisor, registry: ContainerRegistry, tmp_path: Path
) -> None:
    builds = RegistryBuilds(registry)
    steps = "".join(f"LABEL n{number}=x\n" for number in range(STEPS))
    (tmp_path / "Dockerfile").write_text(f"FROM {registry.reference(*BASE.split(':'))}\n{steps}")
    context = source(builds, tmp_path / "Dockerfile")
    # The third waits until one of the two before it has ended, so nothing notices that it is cancelled.
    runs = [builds.schedule(context, f"cancelled:{number}", 600) for number in range(3)]
    builds.cancel(runs[2].id)
    kill(supervisor)
    until(lambda: not servers(supervisor))
    restart(supervisor)
    until(lambda: all(builds.run(run.id).ended for run in runs))
    assert [builds.run(run.id).status for run in runs] == ["Succeeded", "Succeeded", "Canceled"]
    assert set(registry.tags("cancelled")) == {"0", "1"}


def test_bytes_of_deleted_images_go_at_the_next_start(supervisor: Supervisor, registry: ContainerRegistry) -> None:
    files = RegistryFiles(supervisor.state / "container-registry" / registry.id.rpartition("/")[2] / "storage")
    gone, kept = (build_server_image(registry, tag=tag, files={"server.py": tag}) for tag in ("gone", "kept"))
    layers = {image: files.json(image.rpartition("@")[2])["layers"][-1]["digest"] for image in (gone, kept)}
    with registry._client() as client:
        client.delete_tag("greeter", "kept")
        client.delete_manifest("greeter", gone.rpartition("@")[2])
    assert files.blob(layers[gone]).exists()
    kill(supervisor)
    until(lambda: not servers(supervisor))
    restart(supervisor)
    assert not files.blob(layers[gone]).exists()
    assert not files.blob(gone.rpartition("@")[2]).exists()
    assert files.blob(layers[kept]).exists(), "an image without a tag can still be pulled by its digest"
    assert registry.digest(*BASE.split(":")) is not None
    assert build_server_image(registry, tag="gone", files={"server.py": "gone"}) == gone
    assert files.blob(layers[gone]).exists()


def test_a_killed_import_is_taken_up_again(supervisor: Supervisor, registry: ContainerRegistry) -> None:
    (server,) = servers(supervisor)
    server.suspend()  # nothing is copied before the emulator is killed
    body = {"source": {"resourceId": registry.id, "sourceImage": BASE}, "targetTags": ["copy:1"]}
    answer = arm().send("POST", f"{registry.id}/importImage", "2023-07-01", body=body)
    kill(supervisor)
    server.kill()
    until(lambda: not servers(supervisor))
    restart(supervisor)
    registry._finish(answer.headers["location"], "importing", time.sleep)
    assert registry.digest("copy", "1") == registry.digest(*BASE.split(":"))


def source(builds: RegistryBuilds, dockerfile: Path) -> str:
    folder = dockerfile.parent / "context"
    folder.mkdir()
    dockerfile.rename(folder / "Dockerfile")
    return builds.upload(folder)


def restart(supervisor: Supervisor) -> None:
    """`python -m emulator start`."""
    words = ["emulator", "start", "--state", str(supervisor.state)]
    subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=True, capture_output=True)
