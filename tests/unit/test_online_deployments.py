"""What becomes of a deployment's files and instances when it changes, fails to, or when the emulator is killed in the
middle; and whose tokens its instances get.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.containers.container import Container, ContainerState
from emulator.containers.identity import ContainerIdentities
from emulator.containers.log_file import LogFile
from emulator.containers.service import ContainersService
from emulator.containers.specification import ContainerSpecification, Probe
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.http import Request
from emulator.online_endpoints.deployments.deployment_type import REQUEST_SETTINGS
from emulator.online_endpoints.deployments.deployments import Deployments
from emulator.online_endpoints.deployments.logs import DeploymentLogs
from emulator.online_endpoints.deployments.preparation import Preparation
from emulator.online_endpoints.deployments.serving import Serving, ServingRoute
from emulator.online_endpoints.deployments.variables import identity_variables
from emulator.online_endpoints.gateway.routing import RoutingTable
from emulator.service import Emulator
from emulator.store import Document, Store

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/bike"


class Host:
    """Starts containers that are ready at once, or that crash; as many as it has addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.crash = False
        self.most = 254
        self.running: dict[str, Container] = {}
        self.addresses: set[str] = set()

    def address(self, name: str) -> str:
        if len(self.addresses | {name}) > self.most:
            raise RuntimeError("all addresses belong to running containers")
        self.addresses.add(name)
        return "127.0.0.1"

    def start(self, specification: ContainerSpecification) -> Container:
        made = Container(specification, LogFile(self.folder / "log"))
        made.enter(ContainerState("Terminated", "Error", exit_code=3) if self.crash else ContainerState("Running"))
        made.set_ready(not self.crash)
        self.running[specification.name] = made
        return made

    def stop_all(self, gone: Iterable[str], grace: float) -> None:
        for name in gone:
            self.running.pop(name, None)

    def release(self, name: str) -> None:
        assert name not in self.running
        self.addresses.discard(name)

    def release_others(self, prefix: str, owners: Collection[str]) -> None:
        self.addresses = {name for name in self.addresses if not name.startswith(prefix) or name in owners}


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
        preparation = SimpleNamespace(folder=lambda document: self.folder, prepare=self.prepare)
        logs = SimpleNamespace(keep=lambda document, containers: None)
        return Deployments(
            self.store,
            self.folder.parent.parent,
            cast(ContainersService, containers),
            RoutingTable(),
            cast(Preparation, preparation),
            cast(DeploymentLogs, logs),
        )

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


def test_start_releases_what_a_kill_kept_from_being_released(world: World) -> None:
    serving = set(world.host.running)
    world.host.addresses |= {"deployment/bike/blue/a1b2c3d4-0", "container-group/g/other"}
    world.start().reconcile()
    assert world.host.addresses == {*serving, "container-group/g/other"}


def test_instances_that_were_started_before_one_could_not_be_are_stopped(world: World) -> None:
    before, world.host.most = set(world.host.running), 3
    with pytest.raises(RuntimeError, match="all addresses"):
        world.deployments.apply(world.put(model="two", capacity=4))
    assert set(world.host.running) == world.host.addresses == before
    assert world.folders() == {"one"}


def test_deployment_that_was_deleted_before_its_turn_is_not_started(world: World) -> None:
    document = world.put(capacity=2)
    world.deployments.remove(document)
    world.store.delete(document.id)
    with pytest.raises(ServiceError, match="is being deleted"):
        world.deployments.apply(document)
    assert not world.host.running


USER_ASSIGNED = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/scorer"
SYSTEM: dict[str, Any] = {"principalId": "endpoint"}
USER: dict[str, Any] = {"userAssignedIdentities": {USER_ASSIGNED: {}}}


@pytest.mark.parametrize(
    ("identity", "query", "principal"),
    [
        (SYSTEM, {}, "endpoint"),
        (USER, {}, "scorer"),
        ({**SYSTEM, **USER}, {}, "endpoint"),
        ({**SYSTEM, **USER}, {"client_id": "SCORER-CLIENT"}, "scorer"),
        ({**SYSTEM, **USER}, {"mi_res_id": USER_ASSIGNED.upper()}, "scorer"),
        (SYSTEM, {"client_id": "scorer-client"}, None),
    ],
)
def test_instances_get_tokens_of_their_endpoints_identities_only(
    tmp_path: Path, identity: dict[str, Any], query: dict[str, str], principal: str | None
) -> None:
    store, canary = Store(tmp_path / "store.sqlite"), "the-emulators-own"
    store.put(Document(ENDPOINT, {"identity": identity}))
    store.put(Document(USER_ASSIGNED, {"properties": {"principalId": "scorer", "clientId": "scorer-client"}}))
    identities = container_identities(store, canary)
    found = identity_variables(store, identities, Document(f"{ENDPOINT}/deployments/blue", {}), "blue-0")
    header = found["IDENTITY_HEADER"]
    assert found["IDENTITY_ENDPOINT"].endswith("/containers/msi/token")
    assert canary not in str(found)
    assert canary.encode() not in base64.urlsafe_b64decode(header.partition(".")[0])
    asked, headers = {**query, "resource": "r"}, {"x-identity-header": header}
    request = Request("GET", "h", "/", "/", "", "http://h", asked, headers, BytesIO())
    if principal is None:
        with pytest.raises(ServiceError, match="0 identities with clientId=scorer-client"):
            identities.token(request)
    else:
        assert json.loads(cast(bytes, identities.token(request).body))["access_token"] == f"token of {principal}"


def test_endpoint_without_an_identity_gives_its_instances_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.put(Document(ENDPOINT, {}))
    deployment = Document(f"{ENDPOINT}/deployments/blue", {})
    assert identity_variables(store, container_identities(store, "secret"), deployment, "blue-0") == {}


def container_identities(store: Store, secret: str) -> ContainerIdentities:
    """What gives containers their identities."""

    def issue(resource: str, principal: Principal) -> tuple[str, int]:
        return f"token of {principal.object_id}", 0

    settings = SimpleNamespace(http_url="http://h", identity_secret=secret)
    made = SimpleNamespace(store=store, settings=settings, tokens=SimpleNamespace(issue=issue))
    return ContainerIdentities(cast(Emulator, made))


def test_what_serves_is_kept_without_the_place_of_the_state_folder(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"

    def serving(state: Path) -> Serving:
        probe = Probe("/", 80)
        return Serving(
            folder=f"{state}/blue",
            image=None,
            scoring=ServingRoute("/score", 80),
            liveness=probe,
            readiness=probe,
            environment={"AML_APP_ROOT": f"{state}/blue/code", "GREETING": "hello"},
            command=("python", f"{state}/blue/code/score.py"),
            mounts={"/var/model": f"{state}/blue/model"},
            directory=f"{state}/blue/code",
        )

    kept = json.loads(json.dumps(serving(before).to_json(before)))
    assert str(tmp_path) not in json.dumps(kept)
    assert Serving.from_json(kept, after) == serving(after)
