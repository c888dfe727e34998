"""kill -9 of the emulator: endpoints answer again after the next start, with the same keys, traffic and images."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from emulator.supervisor import Supervisor
from ml.clients.arm import arm
from ml.clients.cloud import credential, load_cloud
from ml.clients.endpoints import OnlineEndpoints, Probing, image_of
from tests.conftest import RunningEmulator
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, until
from tests.contract.online_endpoint import Serving, make_serving
from tests.contract.test_azureml_recovery import kill, start

__all__ = ["fixture_sockets"]
pytestmark = IGNORED
CACHES = (arm, credential, load_cloud, image_of)


@pytest.fixture(name="own", scope="module")
def fixture_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """An emulator that may be killed; the project's clients talk to it while the test runs."""
    supervisor = Supervisor(tmp_path_factory.mktemp("killed"))
    status, _ = supervisor.start()
    environment = supervisor.environment()
    forget_cloud()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        workspace = Workspace(RunningEmulator(supervisor, status.settings, environment), "own").create()
        serving = make_serving(workspace)
        yield serving
        serving.http.close()
        workspace.close()
        forget_cloud()
    supervisor.reset()


def forget_cloud() -> None:
    """Makes the project's clients look anew for the cloud that the environment names."""
    if arm.cache_info().currsize:
        arm().close()
    for cached in CACHES:
        cached.cache_clear()


def test_what_served_serves_again(own: Serving) -> None:
    endpoint = own.endpoint("kept")
    endpoint.deploy(own.deployment("blue", instances=2))
    endpoint.deploy(own.deployment("green"))
    endpoint.set_traffic({"blue": 100})
    key, uri = endpoint.key(), endpoint.get().scoring_uri
    # What is being made when the emulator dies is made by the next one.
    slow = own.deployment("late", {"DELAY": "0"})
    path = f"{endpoint.path}/deployments/late"
    environment = f"{own.workspace.id}/environments/obedient/versions/{slow.environment_version}"
    answer = own.workspace.request("PUT", path, json=slow.body(environment, "westeurope"))
    assert answer.status_code == 201
    kill(own.workspace)
    start(own.workspace)
    assert (endpoint.key(), endpoint.get().scoring_uri, endpoint.get().traffic) == (key, uri, {"blue": 100})
    names = ("blue", "green", "late")
    until(lambda: all(answers(own, endpoint, name) for name in names), seconds=60)
    assert {one.name: (one.state, one.image) for one in endpoint.deployments()} == dict.fromkeys(
        names, ("Succeeded", own.image)
    )
    assert own.post(endpoint).headers["azureml-model-deployment"] == "blue"
    endpoint.set_traffic({"green": 100})
    endpoint.remove("blue")
    assert own.post(endpoint).json()["name"] == "green"


def test_stopping_does_not_wait_for_a_deployment_and_the_next_start_goes_on_with_it(own: Serving) -> None:
    endpoint = own.endpoint("stuck")
    stuck = own.deployment("unready", {"UNREADY": "1"}, readiness=Probing(failures=300))
    environment = f"{own.workspace.id}/environments/obedient/versions/{stuck.environment_version}"
    own.workspace.put(environment, stuck.environment_body())
    own.workspace.request("PUT", f"{endpoint.path}/deployments/unready", json=stuck.body(environment, "westeurope"))
    until(lambda: "serving unready" in endpoint.logs("unready"))
    began = time.monotonic()
    assert own.workspace.emulator.supervisor.stop()
    assert time.monotonic() - began < 15
    start(own.workspace)
    found = endpoint.deployment("unready")
    assert found is not None
    assert found.state == "Creating"
    # The instance of the start before, which nobody waits for any more, holds nothing; the new one has another name.
    until(lambda: "serving unready" in endpoint.logs("unready"))
    assert [len(names) for names in held(own, "/unready/")] == [1, 1]
    endpoint.remove("unready")
    assert endpoint.deployments() == []
    assert held(own, "/unready/") == ([], [])


def held(serving: Serving, part: str) -> tuple[list[str], list[str]]:
    """Names of containers that have an address, and of those that have a folder."""
    folder = serving.workspace.emulator.settings.state / "containers"
    addresses = json.loads((folder / "addresses.json").read_text())
    folders = [file.read_text() for file in folder.glob("*/name")]
    return [name for name in addresses if part in name], [name for name in folders if part in name]


def answers(serving: Serving, endpoint: OnlineEndpoints, name: str) -> bool:
    """Whether a deployment answers, and with its own name."""
    answer = serving.post(endpoint, headers={"azureml-model-deployment": name})
    assert answer.status_code in (200, 404, 503), answer.text
    return answer.status_code == 200 and answer.json()["name"] == name
