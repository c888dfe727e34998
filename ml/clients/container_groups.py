"""Azure Container Instances: one container with an address of its own, made, waited for, read and deleted."""

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
OPERATION_TRIES = 10
LOG_LINES = 30
MOST_RESTARTS = 2

Report = Callable[[str], None]
Wait = Callable[[float], None]


class GroupFailure(CloudError):
    """A group that did not get ready; the message has the reason and the end of its log."""


@dataclass(frozen=True)
class ContainerGroup:
    """What to run.

    Attributes:
        image: reference by digest.
        port: where the program listens; the group's address has the same.
        environment: variables that anybody may read; `secrets` are never shown again.
        identity_id: resource id of the user-assigned identity that pulls the image and that the program has.
        registry: login server of the image's registry.
        liveness_path, readiness_path: what the probes ask for.
        dns_label: the first part of the group's host name, unique in its region.
    """

    name: str
    location: str
    image: str
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    command: tuple[str, ...] = ()
    cpu: float = 1.0
    memory_gb: float = 1.5
    identity_id: str = ""
    registry: str = ""
    liveness_path: str = ""
    readiness_path: str = ""
    dns_label: str = ""
    restart_policy: str = "Always"
    tags: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """ARM's document: https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update."""
        properties: dict[str, Any] = {
            "osType": "Linux",
            "restartPolicy": self.restart_policy,
            "containers": [{"name": CONTAINER, "properties": self._container()}],
            "ipAddress": {"type": "Public", "ports": [{"port": self.port, "protocol": "TCP"}]},
        }
        if self.dns_label:
            properties["ipAddress"]["dnsNameLabel"] = self.dns_label
        body: dict[str, Any] = {"location": self.location, "tags": dict(self.tags), "properties": properties}
        if self.identity_id:
            body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {self.identity_id: {}}}
        if self.registry:
            properties["imageRegistryCredentials"] = [{"server": self.registry, "identity": self.identity_id}]
        return body

    def _container(self) -> dict[str, Any]:
        shown = [{"name": name, "value": value} for name, value in self.environment.items()]
        hidden = [{"name": name, "secureValue": value} for name, value in self.secrets.items()]
        container: dict[str, Any] = {
            "image": self.image,
            "ports": [{"port": self.port, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": self.cpu, "memoryInGB": self.memory_gb}},
            "environmentVariables": shown + hidden,
        }
        if self.command:
            container["command"] = list(self.command)
        if self.liveness_path:
            container["livenessProbe"] = self._probe(self.liveness_path, period=10, failures=3)
        if self.readiness_path:
            container["readinessProbe"] = self._probe(self.readiness_path, period=1, failures=1)
        return container

    def _probe(self, path: str, *, period: int, failures: int) -> dict[str, Any]:
        get = {"path": path, "port": self.port, "scheme": "http"}
        return {"httpGet": get, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}


@dataclass(frozen=True)
class GroupState:
    """A group as Azure shows it. `reason` says why the container is not running, `address` is `ip:port`."""

    provisioning: str
    state: str
    reason: str
    restarts: int
    exit_code: int | None
    address: str
    host_name: str
    tags: Mapping[str, str]

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
            restarts=view.get("restartCount", 0),
            exit_code=None if code is None else int(code),
            address=f"{address['ip']}:{ports[0].get('port')}" if address.get("ip") else "",
            host_name=address.get("fqdn") or "",
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

    def create(
        self,
        group: ContainerGroup,
        *,
        timeout: float = 600.0,
        report: Report = lambda _: None,
        wait: Wait = time.sleep,
    ) -> GroupState:
        """Makes a group, or takes up the one of that name, and waits until it answers at its readiness path.

        Args:
            timeout: seconds until it must be ready.
            report: told when something has changed.
            wait: sleeps that many seconds.

        Raises:
            GroupFailure: the image cannot be had, the container ends again and again, or it is not ready in time.
            CloudError: the cloud refused the group.
        """
        deadline = time.monotonic() + timeout
        try:
            answer = arm().send("PUT", self.path(group.name), API_VERSION, body=group.body())
        except CloudError as error:
            if error.code == "InaccessibleImage":
                raise GroupFailure(str(error), status=error.status, code=error.code) from None
            raise
        operation = answer.headers.get("azure-asyncoperation", "")
        return self._until_ready(group, operation, deadline, report, wait)

    def get(self, name: str) -> GroupState | None:
        """A group's state, None when there is no such group."""
        document = arm().get(self.path(name), API_VERSION)
        return None if document is None else GroupState.read(document)

    def names(self) -> list[str]:
        """Names of all groups."""
        return [document["name"] for document in arm().list(self._collection, API_VERSION)]

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

    # -- waiting

    def _until_ready(
        self, group: ContainerGroup, operation: str, deadline: float, report: Report, wait: Wait
    ) -> GroupState:
        said, pause = "", POLL_SECONDS
        while True:
            found = self.get(group.name)
            if found is None:
                raise GroupFailure(f"the container group '{group.name}' was deleted while it was being made")
            if found.provisioning == "Failed":
                raise self._failure(group, found, f"could not be made{self._error(operation, wait)}")
            self._refuse_ended(group, found)
            if found.state == "Running" and found.provisioning == "Succeeded" and answers(found, group):
                return found
            text = f"{group.name}: {found.reason or found.state}"
            if text != said:
                report(text)
                said = text
            if time.monotonic() > deadline:
                raise self._failure(group, found, "is not ready in time")
            wait(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.3, LONGEST_POLL_SECONDS)

    def _error(self, operation: str, wait: Wait) -> str:
        """What the operation that made a group ended with; it may end a moment after the group says Failed."""
        for _ in range(OPERATION_TRIES if operation else 0):
            status = arm().follow(operation).json()
            if error := status.get("error"):
                return f": {error.get('code')}: {error.get('message')}"
            wait(POLL_SECONDS)
        return ""

    def _refuse_ended(self, group: ContainerGroup, found: GroupState) -> None:
        if found.state == "Terminated":
            raise self._failure(group, found, f"ended with exit code {found.exit_code}")
        if found.restarts > MOST_RESTARTS or ("CrashLoopBackOff" in found.reason and found.restarts):
            raise self._failure(group, found, f"ends again and again, last with exit code {found.exit_code}")

    def _failure(self, group: ContainerGroup, found: GroupState, what: str) -> GroupFailure:
        log = self.logs(group.name).strip() if found.provisioning != "Failed" else ""
        reason = f" ({found.reason})" if found.reason and found.reason not in what else ""
        tail = f"; the end of its log:\n{log}" if log else ""
        events = "".join(f"\n{line}" for line in self._warnings(group.name))
        return GroupFailure(f"the container group '{group.name}' {what}{reason}{events}{tail}")

    def _warnings(self, name: str) -> list[str]:
        """What Azure warned of, newest last."""
        document = arm().get(self.path(name), API_VERSION)
        if document is None:
            return []
        view = document["properties"]["containers"][0]["properties"].get("instanceView") or {}
        warnings = [one for one in view.get("events") or [] if one.get("type") == "Warning"]
        return [f"{one['name']} x{one.get('count', 1)}: {one['message']}" for one in warnings[-3:]]


def answers(found: GroupState, group: ContainerGroup) -> bool:
    """Whether the program answers at its readiness path (true without one).

    Azure does not show readiness in a group's document; it only lets no request through before.
    """
    if not group.readiness_path:
        return True
    import httpx

    try:
        url = f"http://{found.address}{group.readiness_path}"
        return httpx.get(url, timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _last_warning(view: Mapping[str, Any]) -> str:
    """What the newest warning among a group's own events says."""
    warnings = [event.get("message", "") for event in view.get("events") or [] if event.get("type") == "Warning"]
    return str(warnings[-1]) if warnings else ""
