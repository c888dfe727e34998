"""Azure Container Instances: one container with an address of its own, described, read and deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.clients.arm import arm
from ml.clients.errors import CloudError

API_VERSION = "2023-05-01"
CONTAINER = "main"
POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 5.0
LOG_LINES = 30

Wait = Callable[[float], None]


@dataclass(frozen=True)
class ContainerGroup:
    """What to run.

    Attributes:
        image: reference by digest.
        port: where the program listens; the group's address has the same.
        environment: variables that anybody may read; `secrets` are never shown again.
        identity_id: resource id of the user-assigned identity that pulls the image and that the program has.
        registry: login server of the image's registry.
        label: what its public name begins with, in the region's domain.
        command: in place of the image's own.
        subnet_id: the subnet in which the group has an address of its own; none = it has a public one.
    """

    name: str
    location: str
    image: str
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    cpu: float = 1.0
    memory_gb: float = 1.5
    identity_id: str = ""
    registry: str = ""
    restart_policy: str = "Always"
    tags: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    command: tuple[str, ...] = ()
    subnet_id: str = ""

    def body(self) -> dict[str, Any]:
        """ARM's document: https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update."""
        properties: dict[str, Any] = {
            "osType": "Linux",
            "restartPolicy": self.restart_policy,
            "containers": [{"name": CONTAINER, "properties": self._container()}],
            "ipAddress": {"type": "Public", "ports": [{"port": self.port, "protocol": "TCP"}]},
        }
        if self.subnet_id:
            properties["ipAddress"]["type"] = "Private"
            properties["subnetIds"] = [{"id": self.subnet_id}]
        if self.label:
            properties["ipAddress"]["dnsNameLabel"] = self.label
        body: dict[str, Any] = {"location": self.location, "tags": dict(self.tags), "properties": properties}
        if self.identity_id:
            body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {self.identity_id: {}}}
        if self.registry:
            properties["imageRegistryCredentials"] = [{"server": self.registry, "identity": self.identity_id}]
        return body

    def _container(self) -> dict[str, Any]:
        shown = [{"name": name, "value": value} for name, value in self.environment.items()]
        hidden = [{"name": name, "secureValue": value} for name, value in self.secrets.items()]
        command = {"command": list(self.command)} if self.command else {}
        return {
            **command,
            "image": self.image,
            "ports": [{"port": self.port, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": self.cpu, "memoryInGB": self.memory_gb}},
            "environmentVariables": shown + hidden,
        }


@dataclass(frozen=True)
class GroupState:
    """A group as Azure shows it. `reason` says why the container is not running, `address` is `ip:port`, `host` the
    public name, if it has one.
    """

    provisioning: str
    state: str
    reason: str
    exit_code: int | None
    address: str
    host: str = ""
    image: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def crashing(self) -> bool:
        """Whether its program ends again and again."""
        return "CrashLoopBackOff" in self.reason

    @property
    def url(self) -> str:
        """Where its program answers, while it runs."""
        return f"http://{self.address}" if self.address and self.state == "Running" else ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> GroupState:
        """The state in a group's document."""
        properties = document["properties"]
        view = properties["containers"][0]["properties"].get("instanceView") or {}
        current, previous = view.get("currentState") or {}, view.get("previousState") or {}
        address = properties.get("ipAddress") or {}
        ports = address.get("ports") or [{}]
        code = current.get("exitCode", previous.get("exitCode"))
        return cls(
            provisioning=properties.get("provisioningState", ""),
            state=current.get("state") or (properties.get("instanceView") or {}).get("state") or "Pending",
            reason=": ".join(one for one in (previous.get("detailStatus"), current.get("detailStatus")) if one)
            or _last_warning(properties.get("instanceView") or {}),
            exit_code=None if code is None else int(code),
            address=f"{address['ip']}:{ports[0].get('port')}" if address.get("ip") else "",
            host=str(address.get("fqdn") or ""),
            image=str(properties["containers"][0]["properties"].get("image") or ""),
            tags=document.get("tags") or {},
        )


class ContainerGroups:
    """The container groups of one resource group."""

    def __init__(self, subscription_id: str, resource_group: str) -> None:
        group = f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}"
        self._collection = f"{group}/providers/Microsoft.ContainerInstance/containerGroups"

    def path(self, name: str) -> str:
        """A group's ARM path."""
        return f"{self._collection}/{name}"

    def get(self, name: str) -> GroupState | None:
        """A group's state, None when there is no such group."""
        document = arm().get(self.path(name), API_VERSION)
        return None if document is None else GroupState.read(document)

    def names(self) -> list[str]:
        """Names of all groups."""
        return [document["name"] for document in self.documents()]

    def documents(self) -> list[dict[str, Any]]:
        """All groups, without what their containers are doing."""
        return arm().list(self._collection, API_VERSION)

    def document(self, name: str) -> dict[str, Any] | None:
        """A group as ARM has it."""
        return arm().get(self.path(name), API_VERSION)

    def put(self, group: ContainerGroup) -> None:
        """Makes a group, or changes one that is there; returns before it runs."""
        arm().put(self.path(group.name), API_VERSION, group.body())

    def logs(self, name: str, lines: int = LOG_LINES) -> str:
        """The end of a container's log; empty while it has none, or when the group is gone."""
        path = f"{self.path(name)}/containers/{CONTAINER}/logs"
        try:
            document = arm().get(path, API_VERSION, tail=str(lines))
        except CloudError as error:
            if error.status in (400, 409):  # "container is not ready" while it waits for its first start
                return ""
            raise
        return str((document or {}).get("content") or "")

    def delete(self, name: str, *, timeout: float = 120.0, wait: Wait = time.sleep) -> None:
        """Deletes a group and waits until it is gone; nothing happens when there is none.

        Raises:
            CloudError: it is still there after `timeout` seconds.
        """
        arm().delete(self.path(name), API_VERSION)
        deadline, pause = time.monotonic() + timeout, POLL_SECONDS
        while self.get(name) is not None:
            if time.monotonic() > deadline:
                raise CloudError(f"the container group '{name}' is still there {timeout:.0f} s after it was deleted")
            wait(pause)
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)


def _last_warning(view: Mapping[str, Any]) -> str:
    """What the newest warning among a group's own events says."""
    warnings = [event.get("message", "") for event in view.get("events") or [] if event.get("type") == "Warning"]
    return str(warnings[-1]) if warnings else ""
