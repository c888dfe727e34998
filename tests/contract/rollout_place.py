"""What tests of rollouts share: real scoring images, endpoints of their own, and clients that never stop asking."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import onnx

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from ml.clients.datastore import container, folder_uri
from ml.clients.endpoints import OnlineEndpoints
from ml.clients.models import Models
from ml.clients.registry import ContainerRegistry
from ml.clients.workspace import API_VERSION, Workspace
from ml.images.context import MODEL_FILES
from ml.resources.container_image import ContainerImageProvider
from ml.resources.rollout import RolloutProvider
from ml.rollout.sites import to_target
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.container_groups import ACR_PULL, ROLES, assign, make_identity
from tests.contract.faulty_images import HEALTHY, faulty_image
from tests.contract.image_builder import make_registry
from tests.unit.scoring.models import people, write_model
from tools.deployed_system import DeployedSystem
from tools.stacks import Stack

GROUP = "container-groups"
LOCATION = "westeurope"
STAGE_SECONDS = 2
FEW = {"requests": 20}
"""The load of a rollout that is there for what comes after it."""
METRICS_PUBLISHER = f"{ROLES}/3913510d-42f4-4e42-8a64-420c390055eb"
SHARED: dict[Path, Place] = {}


@dataclass
class Place:
    """A workspace with a registry, an identity that pulls from it, and two versions of a model as files."""

    made: Made
    registry: ContainerRegistry
    identity: dict[str, Any]
    folders: list[Path]

    @property
    def workspace(self) -> Workspace:
        """As the project's clients name it."""
        return Workspace(SUBSCRIPTION_ID, self.made.name, self.made.name)

    @property
    def inputs(self) -> dict[str, str]:
        """As a resource's input names it."""
        names = (SUBSCRIPTION_ID, self.made.name, self.made.name)
        return dict(zip(("subscriptionId", "resourceGroupName", "workspaceName"), names, strict=True))

    def system(self) -> System:
        """A system of its own with an endpoint without deployments."""
        name = f"s{uuid.uuid4().hex[:8]}"
        endpoint = OnlineEndpoints(self.workspace, f"oep-{name}")
        identity = {"type": "UserAssigned", "userAssignedIdentities": {self.identity["id"]: {}}}
        body = {"location": LOCATION, "identity": identity, "properties": {"authMode": "Key"}}
        self.made.put(endpoint.path, body)
        return System(self, name, endpoint)


def shared_place(made: Made, folder: Path) -> Place:
    """One place for all tests of a session: what every image is built on takes a minute."""
    state = made.emulator.settings.state
    if state not in SHARED:
        SHARED[state] = make_place(made, folder)
    return SHARED[state]


def make_place(made: Made, folder: Path) -> Place:
    """Everything a rollout needs beside the endpoint."""
    arm().put(f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{GROUP}", "2024-03-01", {"location": LOCATION})
    registry, identity = make_registry(), make_identity(f"rollout-{uuid.uuid4().hex[:6]}")
    principal, component = (
        identity["properties"]["principalId"],
        made.request("GET", made.id).json()["properties"]["applicationInsights"],
    )
    assign(principal, ACR_PULL, registry.id)
    assign(principal, METRICS_PUBLISHER, component)
    asked = people(folder / "people")
    folders = [write_model(folder / f"model-{number}", asked) for number in (1, 2, 3)]
    for number, path in enumerate(folders):
        graph = onnx.load(str(path / "model.onnx"))
        graph.doc_string = f"build {number}"  # another file that answers the same
        onnx.save(graph, str(path / "model.onnx"))
        (path / "provenance.json").write_text("{}")
    return Place(made, registry, identity, folders)


@dataclass
class System:
    """One system: its model's versions, their images, and the endpoint."""

    place: Place
    name: str
    endpoint: OnlineEndpoints
    images: dict[int, str] = field(default_factory=dict)
    gateway: bool = False

    @property
    def models(self) -> Models:
        """The versions of its model."""
        return Models(self.place.workspace, self.name)

    def release(self, number: int, fault: str = HEALTHY) -> dict[str, Any]:
        """Registers a version, builds its image, and gives a rollout's inputs for it."""
        known = next((one for one in self.models.list() if one.version == number), None)
        record = known or self.register(number)
        image = self.image(number, record.sha256)
        return self.inputs(
            number, record.sha256, image if fault == HEALTHY else faulty_image(self.place.registry, image, fault)
        )

    def register(self, number: int) -> Any:
        """Uploads a model's files and registers them as the next version."""
        folder, path = self.place.folders[number - 1], f"systems/{self.name}/{uuid.uuid4().hex}/model"
        with container(self.place.workspace) as client:
            for name in MODEL_FILES:
                client.upload_blob(f"{path}/{name}", (folder / name).read_bytes())
        sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
        known = {"job": "j", "data": "d", "commit": "c", "dataSource": "generated" if number == 1 else "real"}
        properties = {"sha256": sha256, "metrics": '{"auc": 0.9}', **known}
        record = self.models.register(folder_uri(path), properties=properties, tags={})
        assert record.version == number
        return record

    def image(self, number: int, sha256: str) -> str:
        """The scoring image of a version, built as the program builds it."""
        if number not in self.images:
            registry = self.place.registry
            names = {"id": registry.id, "loginServer": registry.login_server, "name": "registry"}
            given = {
                "system": self.name,
                "model": self.name,
                "version": number,
                "sha256": sha256,
                "workspace": self.place.inputs,
                "registry": names,
                "environment": "scoring",
                "timeoutMinutes": 10,
                "gateway": self.gateway,
            }
            provider = ContainerImageProvider()
            made = provider.create(dict(provider.check({}, given).inputs))
            assert made.outs is not None
            self.images[number] = made.outs["image"]
        return self.images[number]

    def inputs(self, number: int, sha256: str, image: str) -> dict[str, Any]:
        """What the engine hands to a rollout, numbers as the wire has them."""
        return {
            "system": self.name,
            "model": self.name,
            "version": float(number),
            "sha256": sha256,
            "image": image,
            "workspace": self.place.inputs,
            "endpoint": self.endpoint.name,
            "endpointId": self.endpoint.path,
            "staging": {
                "resourceGroupName": GROUP,
                "location": LOCATION,
                "identityId": self.place.identity["id"],
                "registryServer": self.place.registry.login_server,
            },
            "applicationInsightsId": self.place.workspace.properties()["applicationInsights"],
            "identityClientId": self.place.identity["properties"]["clientId"],
            "stages": [10.0, 50.0],
            "stageSeconds": float(STAGE_SECONDS),
            "readySeconds": 10.0,
            "instanceType": "Standard_DS2_v2",
            "instances": 1.0,
        }

    def up(self, inputs: dict[str, Any], state: dict[str, Any] | None = None) -> dict[str, Any]:
        """One create or update; the outputs."""
        if state is None:
            created = RolloutProvider().create(inputs).outs
            assert created is not None
            return created
        updated = RolloutProvider().update("id", state, inputs).outs
        assert updated is not None
        return updated

    def deployment(self, inputs: dict[str, Any]) -> str:
        """The name that a rollout gives to a deployment."""
        return to_target({**inputs, "version": int(inputs["version"])}).deployment

    def deployments(self) -> list[str]:
        """What is at the endpoint."""
        return sorted(one.name for one in self.endpoint.deployments())

    def staged(self) -> list[str]:
        """What is left in staging."""
        path = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{GROUP}/providers/Microsoft.ContainerInstance"
        return [one["name"] for one in arm().list(f"{path}/containerGroups", "2023-05-01") if self.name in one["name"]]

    def tags(self) -> dict[str, str]:
        """The endpoint's tags."""
        document = arm().get(self.endpoint.path, API_VERSION)
        assert document is not None
        return dict(document.get("tags") or {})


def deployed(system: System) -> DeployedSystem:
    """The system as the tools find it in a stack's state."""
    stack = Stack("local", "emulator", Path("stacks"))
    return DeployedSystem(stack, system.name, system.place.workspace, system.name, system.endpoint.name)


@dataclass
class Clients:
    """Clients of an endpoint: what they were answered, by version, and what went wrong."""

    versions: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    wrong: int = 0

    @property
    def total(self) -> int:
        """Requests that were answered, and those that were not."""
        return sum(self.versions.values()) + len(self.errors)


@contextmanager
def clients(system: System, count: int = 4, pause: float = 0.02) -> Iterator[Clients]:
    """Clients that ask golden requests from the beginning of the block to its end and check every answer."""
    endpoint, ended, found = system.endpoint.get(), threading.Event(), Clients()
    cases = json.loads((system.place.folders[0] / "golden.json").read_text())["cases"]
    headers = {"authorization": f"Bearer {system.endpoint.key()}"}
    trust = ssl.create_default_context(cafile=system.place.made.emulator.environment["SSL_CERT_FILE"])

    def ask(client: httpx.Client, case: dict[str, Any]) -> None:
        try:
            answer = client.post(endpoint.scoring_uri, json={"data": [case["request"]]})
        except httpx.HTTPError as error:
            found.errors.append(repr(error))
            return
        if answer.status_code != 200:
            found.errors.append(f"{answer.status_code} {answer.text[:200]}")
            return
        body = answer.json()
        found.versions[body["version"]] += 1
        found.wrong += abs(body["result"][0]["probability"] - case["probability"]) > 1e-5

    def work() -> None:
        with httpx.Client(headers=headers, verify=trust, timeout=15, trust_env=False) as client:
            number = 0
            while not ended.wait(pause):
                ask(client, cases[number % len(cases)])
                number += 1

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def until(ready: Callable[[], Any], seconds: float = 60) -> Any:
    """Asks until the answer is true, and gives it."""
    deadline = time.monotonic() + seconds
    while not (answer := ready()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(0.05)
    return answer
