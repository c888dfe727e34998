"""The clients of the cloud behave as the world in memory of the unit tests does: `tests/rollout_ports.py`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from ml.clients.datastore import folder_uri
from ml.clients.lease import rollout_lock
from ml.clients.models import SHA256, Models
from ml.clients.workspace import Workspace as WorkspaceClient
from ml.rollout.core.deployments import deployment_name
from ml.rollout.core.ports import Endpoint, Lease, Target
from ml.rollout.core.ports import Models as ModelsPort
from ml.rollout.core.writer import acquire, held
from ml.rollout.online.endpoint import Machines
from ml.rollout.online.site import Site
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace
from tests.contract.online_endpoint import Serving, make_serving
from tests.rollout_ports import PortsSuite
from tests.unit.rollout_clients import Service

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
SIZE = "Standard_DS3_v2"


@pytest.fixture(name="serving", scope="module")
def fixture_serving(workspace: Workspace) -> Iterator[Serving]:
    """An image to deploy."""
    made = make_serving(workspace)
    yield made
    made.http.close()


class Cloud:
    """An endpoint and a model of a workspace; what a deployment runs with is chosen when it is made."""

    def __init__(self, serving: Serving, endpoint: str, system: str) -> None:
        parts = serving.workspace.id.split("/")
        self.image, self.broken = serving.image, False
        self.site = Site(
            WorkspaceClient(parts[2], parts[4], parts[8]), system, system, endpoint, Service(), self.machines
        )
        self.lease: Lease

    @property
    def endpoint(self) -> Endpoint:
        return self.site.endpoint

    @property
    def models(self) -> ModelsPort:
        return self.site.models

    def machines(self) -> Machines:
        return Machines(SIZE, ready_seconds=10, variables={"CRASH": "1"} if self.broken else {})

    def target(self, version: int) -> Target:
        return Target(self.site.system, version, self.image, "", deployment_name(version, self.image, SIZE))

    def spoil(self, version: int, *, broken: bool = True) -> None:
        self.broken = broken

    def take_lease(self) -> None:
        with rollout_lock(self.site.workspace, self.site.system) as lock:
            lock.force({})


class TestCloud(PortsSuite):
    @pytest.fixture
    def site(self, serving: Serving) -> Iterator[Cloud]:
        """With versions 1 and 2 of a model of its own; the fence is up, as in a rollout."""
        system = f"ports-{uuid.uuid4().hex[:6]}"
        made = serving.endpoint("ports")
        cloud = Cloud(serving, made.name, system)
        for number in (1, 2):
            found = Models(cloud.site.workspace, system).register(
                folder_uri(f"systems/{system}/{number}"), properties={SHA256: f"sha-{number}"}, tags={}
            )
            assert found.version == number
        with rollout_lock(cloud.site.workspace, system) as lock:
            lease = acquire(lock, {}, lambda text: None)
            with held(cloud.site, lease) as ports:
                cloud.lease = ports.lease
                yield cloud
        serving.workspace.delete(made.path)
