"""A rollout to container groups, through real images: a gateway with a public name, and a group for each version."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from ml.clients.datastore import folder_uri
from ml.clients.lease import rollout_lock
from ml.clients.models import SHA256
from ml.clients.models import Models as Registry
from ml.resources.rollout import RolloutProvider
from ml.rollout.container_group.place import Place, scoring_key
from ml.rollout.container_group.site import GroupSite
from ml.rollout.core.deployments import deployment_name
from ml.rollout.core.ports import Endpoint, Lease, Models, Target
from ml.rollout.core.writer import acquire, held
from ml.rollout.sites import CONTAINER_GROUP, HostRow, to_place
from tests.contract.azureml_workspace import IGNORED, fixture_sockets, fixture_workspace
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.container_groups import ROLES, assign
from tests.contract.rollout_place import System, shared_place, until
from tests.rollout_ports import PortsSuite
from tools import live, rollback
from tools.deployed_system import DeployedSystem
from tools.endpoint_key import primary_key
from tools.stacks import Stack
from tools.status import read_traffic

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
BLOB_READER = f"{ROLES}/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


class InGroups(System):
    """A system whose model serves in container groups."""

    @property
    def site(self) -> GroupSite:
        """Where it serves."""
        return GroupSite(self.place.workspace, self.name, self.name, f"ci-{self.name}", HostRow())

    def inputs(self, number: int, sha256: str, image: str) -> dict[str, Any]:
        online = super().inputs(number, sha256, image)
        others = {"endpoint": self.site.endpoint_name, "endpointId": None, "target": CONTAINER_GROUP}
        return {**online, **others}

    @property
    def traffic(self) -> dict[str, int]:
        """Percent by deployment."""
        return self.site.endpoint.traffic()


@pytest.fixture(name="system", scope="module")
def fixture_system(workspace: Made, tmp_path_factory: pytest.TempPathFactory) -> InGroups:
    place = shared_place(workspace, tmp_path_factory.mktemp("place"))
    storage = place.workspace.properties()["storageAccount"]
    assign(place.identity["properties"]["principalId"], BLOB_READER, storage)
    made = place.system()
    return InGroups(place, made.name, made.endpoint, gateway=True)


class Clients:
    """Clients that ask through the public address from the beginning of the block to its end."""

    def __init__(self, system: InGroups) -> None:
        self.uri = f"{system.site.gateway.base_url()}/score"
        self.key = scoring_key(system.place.workspace, system.name)
        golden = json.loads((system.place.folders[0] / "golden.json").read_text())["cases"]
        self.rows = [one["request"] for one in golden]
        self.versions: Counter[int] = Counter()
        self.errors: list[str] = []
        self.ended = threading.Event()

    def ask(self) -> None:
        with httpx.Client(headers={"authorization": f"Bearer {self.key}"}) as client:
            while not self.ended.is_set():
                for row in self.rows:
                    self.one(client, row)

    def one(self, client: httpx.Client, row: Any) -> None:
        try:
            answer = client.post(self.uri, json={"data": [row]})
        except httpx.HTTPError as error:
            self.errors.append(repr(error))
            return
        if answer.status_code == 200:
            self.versions[answer.json()["version"]] += 1
        else:
            self.errors.append(f"{answer.status_code} {answer.text[:200]}")
        self.ended.wait(0.02)


@contextmanager
def clients(system: InGroups) -> Iterator[Clients]:
    found = Clients(system)
    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(found.ask) for _ in range(3)]
        try:
            yield found
        finally:
            found.ended.set()
        for one in asking:
            one.result()


def test_the_life_of_a_model_in_container_groups(system: InGroups) -> None:
    first, second = system.release(1), system.release(2)
    outputs = system.up(first)
    old, new = system.deployment(first), system.deployment(second)
    assert (outputs["serving"], outputs["deployment"], system.traffic) == (1, old, {old: 100})
    assert outputs["scoringUri"] == f"http://ci-{system.name}.westeurope.azurecontainer.localhost:5001/score"
    assert scoring_key(system.place.workspace, system.name) not in json.dumps(outputs)
    assert httpx.post(f"{system.site.gateway.base_url()}/score", json={"data": []}).status_code == 401
    assert (system.models.champion(), system.staged(), system.site.trouble()) == (1, [], "")

    with clients(system) as found:
        until(lambda: sum(found.versions.values()) > 20)
        state = {**outputs, "version": 1.0}
        outputs = system.up(second, state)
        until(lambda: found.versions[2] > 50)
    assert found.errors == []
    assert set(found.versions) == {1, 2}
    assert (outputs["serving"], system.traffic, system.models.champion()) == (2, {new: 100}, 2)
    assert {one.name for one in system.site.endpoint.deployments()} == {old, new}

    tool = DeployedSystem(
        Stack("local", "emulator", Path("stacks")),
        system.name,
        system.place.workspace,
        system.name,
        system.site.endpoint_name,
        in_groups=True,
    )
    now = live.read(tool)
    assert ([(one.version, one.percent) for one in now.serving], now.problem) == ([(2, 100)], "")
    assert primary_key(tool) == scoring_key(system.place.workspace, system.name)
    assert read_traffic(tool).requests[new].total > 50
    assert '"message":"ready"' in tool.client.logs(new)

    said = Console(file=StringIO(), width=200)
    rollback.run(tool, None, "wrong for new customers", said)
    assert (system.traffic, system.models.champion()) == ({old: 100}, 1)
    assert "wrong for new customers" in next(iter(system.models.rejection(2).values()))

    read = RolloutProvider().read("id", outputs).outs
    assert read is not None
    assert (read["serving"], read["deployment"]) == (1, old)
    RolloutProvider().delete("id", outputs)
    assert (system.site.exists(), system.models.champion()) == (False, None)


class Cloud:
    """The system's groups with a model of their own; what a server is told is chosen when it is made."""

    def __init__(self, system: InGroups, model: str) -> None:
        self.inputs, self.broken = system.release(1), False
        self.site = GroupSite(system.place.workspace, system.name, model, f"ci-{system.name}", HostRow(), self.place)
        self.lease: Lease

    @property
    def endpoint(self) -> Endpoint:
        return self.site.endpoint

    @property
    def models(self) -> Models:
        return self.site.models

    def place(self) -> Place:
        made = to_place(self.inputs)
        return replace(made, variables={**made.variables, "MAX_ROWS": "none"}) if self.broken else made

    def target(self, version: int) -> Target:
        image = str(self.inputs["image"])
        return Target(self.site.system, version, image, "", deployment_name(version, image, "small"))

    def spoil(self, version: int, *, broken: bool = True) -> None:
        self.broken = broken

    def take_lease(self) -> None:
        with rollout_lock(self.site.workspace, self.site.system) as lock:
            lock.force({})


class TestGroups(PortsSuite):
    """Container groups behave as the world in memory of the unit tests does."""

    @pytest.fixture
    def site(self, system: InGroups) -> Iterator[Cloud]:
        """With versions 1 and 2 of a model of its own; the fence is up, as in a rollout."""
        model = f"ports-{uuid.uuid4().hex[:6]}"
        cloud = Cloud(system, model)
        for number in (1, 2):
            uri = folder_uri(f"systems/{model}/{number}")
            Registry(cloud.site.workspace, model).register(uri, properties={SHA256: f"sha-{number}"}, tags={})
        with rollout_lock(cloud.site.workspace, system.name) as lock:
            lease = acquire(lock, {}, lambda text: None)
            with held(cloud.site, lease) as ports:
                cloud.lease = ports.lease
                yield cloud
        cloud.site.endpoint.shares.delete()
        for name in cloud.site.endpoint.groups():
            cloud.site.groups.delete(cloud.site.endpoint.group_name(name))
