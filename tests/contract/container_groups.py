"""What tests of container groups share: a resource group, and an identity that may pull from a registry."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from ml.clients.container_groups import API_VERSION, ContainerGroup, ContainerGroups
from ml.clients.registry import ContainerRegistry
from tests.contract.image_builder import build_server_image, make_registry

RESOURCE_GROUP = "container-groups"
PATH = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
ROLES = f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions"
ACR_PULL = f"{ROLES}/7f951dda-4ed3-4680-a7ca-43fe172d538d"
PORT = 5001


@dataclass(frozen=True)
class Place:
    """Where groups are made, and the image and identity they use."""

    registry: ContainerRegistry
    image: str
    identity: str
    groups: ContainerGroups

    def group(self, name: str, **changes: Any) -> ContainerGroup:
        """A group that runs the server of `image_builder`."""
        plain = ContainerGroup(
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

    def python(self, name: str, program: str, **changes: Any) -> ContainerGroup:
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
    return Place(registry, image, identity["id"], ContainerGroups(SUBSCRIPTION_ID, RESOURCE_GROUP))


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
