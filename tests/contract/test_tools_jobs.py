"""`make logs JOB=` and `make cancel JOB=` on jobs that run."""

from __future__ import annotations

import uuid
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from rich.console import Console

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.workspace import Workspace
from tests.contract.azureml_sdk import Command, Environment, command
from tests.contract.azureml_workspace import IGNORED, fixture_sockets, fixture_workspace, until
from tests.contract.azureml_workspace import Workspace as Made
from tools import jobs
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError
from tools.stacks import Stack

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
SYSTEM = "watched"


@pytest.fixture(name="system")
def fixture_system(workspace: Made) -> DeployedSystem:
    workspace.client.environments.create_or_update(Environment(name="shell", version="1", image=IMAGE))
    place = Workspace(SUBSCRIPTION_ID, workspace.name, workspace.name)
    return DeployedSystem(Stack("local", "emulator", Path("unused")), SYSTEM, place, SYSTEM, None)


def submit(workspace: Made, text: str) -> str:
    job: Command = command(command=text, environment="shell:1", compute="cpu", experiment_name=SYSTEM)
    job.name = f"watched-{uuid.uuid4().hex[:12]}"
    return str(workspace.client.jobs.create_or_update(job).name)


def console() -> tuple[Console, StringIO]:
    printed = StringIO()
    return Console(file=printed, width=160, soft_wrap=True), printed


def test_a_log_is_followed_while_it_grows_until_the_job_ends(
    workspace: Made, system: DeployedSystem, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    name = submit(workspace, f"echo [begun]; until [ -e {gate} ]; do sleep 0.1; done; echo done")
    shown, printed = console()
    following = Thread(target=jobs.follow, args=(system, name, shown), daemon=True)
    following.start()
    until(lambda: "[begun]" in printed.getvalue())
    assert following.is_alive()
    gate.touch()
    following.join(60)
    assert not following.is_alive()
    assert printed.getvalue().splitlines()[1:] == ["[begun]", "done", f"{name} completed."]


def test_a_job_is_ended_before_its_time_and_says_what_comes_next(workspace: Made, system: DeployedSystem) -> None:
    name = submit(workspace, "sleep 600")
    until(lambda: workspace.client.jobs.get(name).status == "Running")
    shown, printed = console()
    jobs.cancel(system, name, shown)
    assert workspace.client.jobs.get(name).status == "Canceled"
    jobs.cancel(system, name, shown)
    assert printed.getvalue().splitlines() == [
        f"{name} canceled; the next `up` starts it again.",
        f"{name} has ended already: canceled.",
    ]
    with pytest.raises(SetupError, match=rf"JOB=x: there is no such job\. The newest of watched: {name}"):
        jobs.cancel(system, "x", shown)
