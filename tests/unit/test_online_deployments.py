"""What becomes of a deployment's files when it changes, fails to, or when the emulator is killed in the middle."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.containers.container import Container, ContainerState
from emulator.containers.log_file import LogFile
from emulator.containers.specification import ContainerSpecification, Probe
from emulator.errors import ServiceError
from emulator.online_endpoints.deployment_type import REQUEST_SETTINGS
from emulator.online_endpoints.deployments import Deployments
from emulator.online_endpoints.routing import RoutingTable
from emulator.online_endpoints.service import OnlineEndpointsService
from emulator.online_endpoints.serving import Serving, ServingRoute
from emulator.store import Document, Store

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/bike"


class Host:
    """Starts containers that are ready at once, or that crash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.crash = False
        self.running: dict[str, Container] = {}

    def address(self, name: str) -> str:
        return "127.0.0.1"

    def start(self, specification: ContainerSpecification) -> Container:
        made = Container(specification, LogFile(self.folder / "log"))
        made.enter(ContainerState("Terminated", "Error", exit_code=3) if self.crash else ContainerState("Running"))
        made.set_ready(not self.crash)
        self.running[specification.name] = made
        return made

    def stop_all(self, gone: Iterable[str], grace: float) -> None:
        for name in gone:
            self.running.pop(name)

    def release(self, name: str) -> None:
        assert name not in self.running


class World:
    """One deployment, its files and a host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bike" / "blue"
        self.store = Store(folder / "store.sqlite")
        self.host = Host(folder)
        self.store.put(
            Document(ENDPOINT, {"location": "westeurope", "properties": {"traffic": {}, "mirrorTraffic": {}}})
        )
        self.put()
        self.deployments = self.start()

    def start(self) -> Deployments:
        """The emulator's part, as it is after a start."""
        identities = SimpleNamespace(variables=lambda name, identities: {})
        containers = SimpleNamespace(host=self.host, identities=identities)
        settings = SimpleNamespace(http_url="http://h", identity_secret="secret")
        emulator = SimpleNamespace(store=self.store, services={"containers": containers}, settings=settings)
        preparation = SimpleNamespace(folder=lambda document: self.folder, prepare=self.prepare)
        logs = SimpleNamespace(keep=lambda document, containers: None)
        service = SimpleNamespace(emulator=emulator, table=RoutingTable(), preparation=preparation, logs=logs)
        return Deployments(cast(OnlineEndpointsService, service))

    def prepare(self, document: Document) -> Serving:
        """A folder with a model."""
        folder = self.folder / document.properties["model"]
        (folder / "model").mkdir(parents=True)
        probe = Probe("/", 80)
        return Serving(str(folder), "image", ServingRoute("/score", 80), probe, probe)

    def put(self, **change: Any) -> Document:
        """The deployment as a PUT leaves it."""
        old = self.store.get(f"{ENDPOINT}/deployments/blue")
        private = old.private if old else {}
        body = {"sku": {"capacity": change.pop("capacity", 1)}, "properties": {"model": "one", **change}}
        body["properties"]["requestSettings"] = REQUEST_SETTINGS
        return self.store.put(Document(f"{ENDPOINT}/deployments/blue", body, private))

    def folders(self) -> set[str]:
        """What there is of files, logs apart."""
        return {one.name for one in self.folder.iterdir() if one.is_dir()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.deployments.apply(made.put())
    (made.folder / "image-build.log").touch()
    return made


@pytest.mark.parametrize(
    ("change", "crash", "left"),
    [
        ({"capacity": 2}, False, "one"),
        ({"capacity": 2}, True, "one"),
        ({"model": "two"}, False, "two"),
        ({"model": "two"}, True, "one"),
    ],
)
def test_only_the_files_of_what_serves_stay(world: World, change: dict[str, Any], crash: bool, left: str) -> None:
    (world.folder / "left-by-a-kill").mkdir()
    document = world.put(**change)
    world.host.crash = crash
    if crash:
        with pytest.raises(ServiceError, match="crashed"):
            world.deployments.apply(document)
    else:
        world.deployments.apply(document)
    assert world.folders() == {left}
    assert (world.folder / left / "model").is_dir()
    assert (world.folder / "image-build.log").is_file()
    assert len(world.host.running) == (1 if crash else change.get("capacity", 1))


def test_start_removes_the_files_that_a_kill_left(world: World) -> None:
    (world.folder / "left-by-a-kill").mkdir()
    world.start().reconcile()
    assert world.folders() == {"one"}


def test_deployment_that_was_deleted_before_its_turn_is_not_started(world: World) -> None:
    document = world.put(capacity=2)
    world.deployments.remove(document)
    world.store.delete(document.id)
    with pytest.raises(ServiceError, match="is being deleted"):
        world.deployments.apply(document)
    assert not world.host.running
