"""kill -9 of the emulator: nothing that was acknowledged is lost, and jobs run to their end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from emulator.machine_learning.identifiers import job_id
from emulator.machine_learning.jobs.folders import TAKEN_IN, JobFolders
from emulator.settings import Settings
from emulator.store import Document, Store
from emulator.supervisor import Supervisor
from tests.conftest import ROOT, RunningEmulator
from tests.contract.azureml_sdk import Environment, command
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, until, with_cluster

__all__ = ["fixture_sockets"]
pytestmark = IGNORED
WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"


@pytest.fixture(name="own", scope="module")
def fixture_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace on an emulator that may be killed."""
    supervisor = Supervisor(tmp_path_factory.mktemp("killed"))
    status, _ = supervisor.start()
    environment = supervisor.environment()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        workspace = with_cluster(Workspace(RunningEmulator(supervisor, status.settings, environment), "own").create())
        workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
        yield workspace
        workspace.close()
    supervisor.reset()


def kill(workspace: Workspace) -> None:
    """kill -9 of the emulator's own process."""
    handle = workspace.emulator.supervisor.handle()
    process = handle.process() if handle else None
    assert process is not None
    process.kill()
    process.wait(10)


def start(workspace: Workspace) -> None:
    """`python -m emulator start`."""
    state = str(workspace.emulator.settings.state)
    subprocess.run([sys.executable, "-m", "emulator", "start", "--state", state], cwd=ROOT, check=True)


def submit(workspace: Workspace, text: str) -> str:
    job = command(command=text, environment="plain:1", compute="cpu", experiment_name="killed")
    name: str = workspace.client.jobs.create_or_update(job).name
    return name


def test_job_goes_on_while_the_emulator_is_dead(own: Workspace, tmp_path: Path) -> None:
    gate, done = tmp_path / "gate", tmp_path / "done"
    running = submit(
        own, f"echo first; until [ -e {gate} ]; do sleep 0.1; done; echo x > outputs/x; echo last; touch {done}"
    )
    until(lambda: own.client.jobs.get(running).status == "Running")
    waiting = submit(own, "echo after")
    kill(own)
    gate.touch()
    until(done.exists)
    start(own)
    assert own.end(running).status == "Completed", own.details(running)
    assert own.end(waiting).status == "Completed", own.details(waiting)
    log = own.http.get(own.details(running)["logFiles"]["user_logs/std_log.txt"]).text
    assert log == "first\nlast\n"
    own.client.jobs.download(running, download_path=tmp_path / "down")
    assert (tmp_path / "down/artifacts/outputs/x").read_text() == "x\n"
    assert sorted(one.name for one in own.client.jobs.list()) == sorted([running, waiting])


def test_job_still_running_after_the_restart_is_adopted_and_can_be_canceled(own: Workspace) -> None:
    job = submit(own, "sleep 600")
    until(lambda: own.client.jobs.get(job).status == "Running")
    kill(own)
    start(own)
    assert own.client.jobs.get(job).status == "Running"
    own.client.jobs.begin_cancel(job).result()
    assert own.end(job).status == "Canceled"


def test_folder_that_a_kill_left_after_the_end_of_its_job_goes_at_the_next_start(own: Workspace) -> None:
    ended, running = submit(own, "echo done"), submit(own, "sleep 600")
    assert own.end(ended).status == "Completed"
    until(lambda: own.client.jobs.get(running).status == "Running")
    (folder,) = own.emulator.settings.state.glob(f"jobs/*/{running}")
    kill(own)
    for name in (ended, "of-a-deleted-job"):
        (folder.parent / name / "inputs").mkdir(parents=True, exist_ok=True)
    start(own)
    assert [path.name for path in folder.parent.iterdir()] == [running]
    own.client.jobs.begin_cancel(running).result()
    assert own.end(running).status == "Canceled"
    assert own.http.get(own.details(ended)["logFiles"]["user_logs/std_log.txt"]).text == "done\n"


def test_folder_of_a_job_that_the_emulator_failed_stays_since_nobody_else_has_its_logs(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.db")
    folders = JobFolders(Settings(tmp_path, 1, 2, ""), store)
    for name, private in (("failed", {}), ("finished", {TAKEN_IN: True})):
        job = Document(job_id(WORKSPACE, name), {}, private)
        folders.of(store.put(job)).make()
    folders.tidy()
    assert [path.name for path in tmp_path.glob("jobs/*/*")] == ["failed"]
    store.close()


def test_job_whose_runner_was_killed_fails(own: Workspace) -> None:
    job = submit(own, "echo alive; sleep 600")
    until(lambda: own.client.jobs.get(job).status == "Running")
    runner = next(own.emulator.settings.state.glob(f"jobs/*/{job}/process.json"))
    process = psutil.Process(json.loads(runner.read_text())["pid"])
    family = [process, *process.children(recursive=True)]
    for member in family:
        member.kill()
    assert own.end(job).status == "Failed"
    assert "ended from outside" in own.details(job)["error"]["error"]["message"]
