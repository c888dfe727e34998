"""What tests of container groups share: a resource group, an identity that may pull from a registry, and groups with
all that the service can do.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, replace
from typing import Any

import httpx

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from ml.clients.container_groups import API_VERSION, ContainerGroup, ContainerGroups, GroupState
from ml.clients.errors import CloudError
from ml.clients.registry import ContainerRegistry
from tests.contract.image_builder import build_server_image, make_registry

RESOURCE_GROUP = "container-groups"
PATH = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
ROLES = f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions"
ACR_PULL = f"{ROLES}/7f951dda-4ed3-4680-a7ca-43fe172d538d"
PORT = 5001
MOST_RESTARTS = 2


class GroupFailure(Exception):
    """A group that did not get ready: all that Azure says of it, and the end of its log."""


@dataclass(frozen=True)
class FullGroup(ContainerGroup):
    """A group with a command, paths that the probes ask for, and the first part of its host name."""

    command: tuple[str, ...] = ()
    liveness_path: str = ""
    readiness_path: str = ""
    dns_label: str = ""

    def body(self) -> dict[str, Any]:
        """ARM's document."""
        body = super().body()
        if self.dns_label:
            body["properties"]["ipAddress"]["dnsNameLabel"] = self.dns_label
        if self.command:
            container(body)["command"] = list(self.command)
        if self.liveness_path:
            container(body)["livenessProbe"] = self.probe(self.liveness_path, period=10, failures=3)
        if self.readiness_path:
            container(body)["readinessProbe"] = self.probe(self.readiness_path, period=1, failures=1)
        return body

    def probe(self, path: str, *, period: int, failures: int) -> dict[str, Any]:
        get = {"path": path, "port": self.port, "scheme": "http"}
        return {"httpGet": get, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}


class Groups(ContainerGroups):
    """Groups that are waited for."""

    def create(self, group: FullGroup, *, timeout: float = 600.0) -> GroupState:
        """Makes a group, or takes up the one of that name, and waits until it answers at its readiness path.

        Raises:
            GroupFailure: it cannot be made, ends, ends again and again, or is not ready in time.
        """
        deadline = time.monotonic() + timeout
        try:
            operation = arm().send("PUT", self.path(group.name), API_VERSION, body=group.body())
        except CloudError as error:
            raise GroupFailure(f"{error.code}: {error}") from None
        while True:
            found = self.get(group.name)
            assert found is not None
            if found.provisioning == "Failed":
                time.sleep(0.5)  # the operation may end a moment later
                said = arm().follow(operation.headers["azure-asyncoperation"]).json()
                raise GroupFailure(f"{found.reason}: {said.get('error')}")
            view = self.view(group.name)
            restarts = view.get("restartCount", 0)
            if found.state == "Terminated" or restarts > MOST_RESTARTS or ("BackOff" in found.reason and restarts):
                raise self.failure(group.name, f"it ended with exit code {found.exit_code}", view)
            if found.state == "Running" and found.provisioning == "Succeeded" and answers(found, group):
                return found
            if time.monotonic() > deadline:
                raise self.failure(group.name, "it is not ready in time", view)
            time.sleep(0.2)

    def view(self, name: str) -> dict[str, Any]:
        """What Azure shows of the container while it runs."""
        document = arm().get(self.path(name), API_VERSION)
        return (container(document).get("instanceView") or {}) if document else {}

    def failure(self, name: str, what: str, view: dict[str, Any]) -> GroupFailure:
        warnings = "".join(f"\n{one['name']} x{one.get('count', 1)}" for one in view.get("events") or [])
        return GroupFailure(f"{what}: {json.dumps(view)}{warnings}\n{self.logs(name)}")


def answers(found: GroupState, group: FullGroup) -> bool:
    """Whether the program answers at its readiness path: Azure lets no request through before."""
    if not group.readiness_path:
        return True
    try:
        url = f"http://{found.address}{group.readiness_path}"
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@dataclass(frozen=True)
class Place:
    """Where groups are made, and the image and identity they use."""

    registry: ContainerRegistry
    image: str
    identity: str
    groups: Groups

    def group(self, name: str, **changes: Any) -> FullGroup:
        """A group that runs the server of `image_builder`."""
        plain = FullGroup(
            name=f"{name}-{uuid.uuid4().hex[:6]}",
            location="westeurope",
            image=self.image,
            port=PORT,
            identity_id=self.identity,
            registry=self.registry.login_server,
            memory_gb=0.5,
            readiness_path="/ready",
        )
        return replace(plain, **changes)

    def python(self, name: str, program: str, **changes: Any) -> FullGroup:
        """A group that runs a Python program."""
        return self.group(name, command=("python3", "-u", "-c", program), **changes)

    def document(self, name: str) -> dict[str, Any]:
        """The group's ARM document."""
        document = arm().get(self.groups.path(name), API_VERSION)
        assert document is not None
        return document


def make_place() -> Place:
    """A resource group with an identity that has AcrPull on a new registry."""
    arm().put(PATH, "2024-03-01", {"location": "westeurope"})
    registry = make_registry()
    identity = make_identity("puller")
    assign(identity["properties"]["principalId"], ACR_PULL, registry.id)
    image = build_server_image(registry)
    return Place(registry, image, identity["id"], Groups(SUBSCRIPTION_ID, RESOURCE_GROUP))


def make_identity(name: str) -> dict[str, Any]:
    """A user-assigned identity."""
    path = f"{PATH}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    return arm().put(path, "2023-01-31", {"location": "westeurope"})


def assign(principal: str, role: str, scope: str) -> None:
    """A role assignment."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, scope + role + principal)
    body = {"properties": {"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": role}}
    arm().put(f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", "2022-04-01", body)


def container(document: dict[str, Any]) -> dict[str, Any]:
    """The properties of a document's only container."""
    properties: dict[str, Any] = document["properties"]["containers"][0]["properties"]
    return properties
