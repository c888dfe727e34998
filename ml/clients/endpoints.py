"""Online endpoints of Azure ML: their traffic, keys and deployments."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ml.clients.arm import arm
from ml.clients.errors import CloudError
from ml.clients.operations import Report, delete_and_wait, put_and_wait, quiet
from ml.clients.workspace import API_VERSION, Workspace

LOG_LINES = 30
MAKING = ("Creating", "Updating", "Scaling")
DELETING = "Deleting"
SUCCEEDED = "Succeeded"
# What a PUT of an endpoint takes; the rest of a GET is the service's own.
WRITABLE = ("authMode", "compute", "description", "mirrorTraffic", "properties", "publicNetworkAccess")


class DeploymentFailure(CloudError):
    """A deployment that did not get ready; `log` is the end of what its container printed."""

    def __init__(self, message: str, *, code: str = "", log: str = "") -> None:
        super().__init__(message, code=code)
        self.log = log


@dataclass(frozen=True)
class OnlineEndpoint:
    """An endpoint as Azure shows it; `traffic` is whole percent by deployment, those with 0 left out."""

    name: str
    scoring_uri: str
    open_api_uri: str
    auth_mode: str
    state: str
    traffic: Mapping[str, int]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Probing:
    """How a container is asked whether it is well; times in seconds."""

    initial_delay: int = 1
    period: int = 1
    timeout: int = 2
    failures: int = 30

    def body(self) -> dict[str, Any]:
        """ARM's `ProbeSettings`."""
        times = {"initialDelay": self.initial_delay, "period": self.period, "timeout": self.timeout}
        return {
            **{name: f"PT{value}S" for name, value in times.items()},
            "failureThreshold": self.failures,
            "successThreshold": 1,
        }


@dataclass(frozen=True)
class ImageDeployment:
    """What a deployment from an image runs.

    Attributes:
        name: 3 to 32 letters, digits and single dashes.
        image: reference by digest.
        environment: name of the environment that stands for the image in the workspace; `environment_version` is one
            that belongs to this image alone.
        port: where the image listens; the paths are those it answers on.
        concurrency: requests an instance works on at once; twice as many may wait, more are refused with 429.
        timeout: seconds a request may take.
    """

    name: str
    image: str
    environment: str
    environment_version: str
    instance_type: str
    instances: int = 1
    port: int = 5001
    liveness_path: str = "/"
    readiness_path: str = "/ready"
    scoring_path: str = "/score"
    concurrency: int = 64
    timeout: int = 30
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    insights: bool = False
    liveness: Probing = Probing(initial_delay=10, period=10, failures=6)
    readiness: Probing = Probing(failures=120)

    def environment_body(self) -> dict[str, Any]:
        """ARM's document of the environment version."""
        paths = {"livenessRoute": self.liveness_path, "readinessRoute": self.readiness_path}
        routes = {**paths, "scoringRoute": self.scoring_path}
        configuration = {name: {"path": path, "port": self.port} for name, path in routes.items()}
        return {"properties": {"image": self.image, "osType": "Linux", "inferenceConfig": configuration}}

    def body(self, environment_id: str, location: str) -> dict[str, Any]:
        """ARM's document: https://learn.microsoft.com/rest/api/azureml/online-deployments/create-or-update."""
        return {
            "location": location,
            "tags": dict(self.tags),
            "sku": {"name": "Default", "capacity": self.instances},
            "properties": {
                "endpointComputeType": "Managed",
                "environmentId": environment_id,
                "environmentVariables": dict(self.variables),
                "instanceType": self.instance_type,
                "appInsightsEnabled": self.insights,
                "livenessProbe": self.liveness.body(),
                "readinessProbe": self.readiness.body(),
                "requestSettings": {
                    "maxConcurrentRequestsPerInstance": self.concurrency,
                    "requestTimeout": f"PT{self.timeout}S",
                },
            },
        }


@dataclass(frozen=True)
class OnlineDeployment:
    """A deployment as Azure shows it. `image` is "" when its environment is gone."""

    name: str
    state: str
    image: str
    environment_id: str
    instances: int
    tags: Mapping[str, str]


class OnlineEndpoints:
    """One endpoint of a workspace, by its name."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self.path = f"{workspace.path}/onlineEndpoints/{name}"

    # -- the endpoint

    def find(self) -> OnlineEndpoint | None:
        """The endpoint, None when there is none."""
        document = arm().get(self.path, API_VERSION)
        return to_endpoint(document) if document else None

    def get(self) -> OnlineEndpoint:
        """The endpoint.

        Raises:
            CloudError: there is none.
        """
        return to_endpoint(self._document())

    def set_traffic(self, traffic: Mapping[str, int]) -> None:
        """Sets the whole map and waits until it holds; everything else of the endpoint stays as it is.

        Azure takes traffic only with the whole endpoint (PATCH knows tags and identity) and has no condition on a PUT:
        two writers at once need a lease.

        Raises:
            CloudError: it was refused: the percentages do not sum to 100, or a deployment does not exist.
        """
        document = self._document()
        properties = {name: document["properties"].get(name) for name in WRITABLE}
        body = {name: document[name] for name in ("kind", "location", "sku", "tags") if document.get(name)}
        body["properties"] = {name: value for name, value in properties.items() if value not in (None, "", {})}
        body["properties"]["traffic"] = {name: share for name, share in traffic.items() if share}
        if identity := document.get("identity"):
            body["identity"] = writable_identity(identity)
        put_and_wait(self.path, API_VERSION, body)

    def key(self) -> str:
        """The primary key. A secret."""
        return str(arm().post(f"{self.path}/listKeys", API_VERSION)["primaryKey"])

    # -- deployments

    def deployment(self, name: str) -> OnlineDeployment | None:
        """A deployment, None when there is none."""
        document = arm().get(self._at(name), API_VERSION)
        return self._read(document) if document else None

    def deployments(self) -> list[OnlineDeployment]:
        """All deployments."""
        return [self._read(document) for document in arm().list(f"{self.path}/deployments", API_VERSION)]

    def deploy(self, wanted: ImageDeployment, report: Report = quiet, timeout: float = 1800.0) -> OnlineDeployment:
        """Makes a deployment and waits until it is ready; takes up one that is being made or was made already.

        Args:
            report: told how it goes on; what it raises ends the wait (the deployment goes on being made).
            timeout: seconds until it must be ready.

        Raises:
            DeploymentFailure: its container does not start or does not get ready.
            CloudError: the cloud refused it.
        """
        environment = self._register(wanted)
        there = self.deployment(wanted.name)
        if there is not None and (there.state in (*MAKING, DELETING)):
            there = self._settle(wanted.name, report, timeout)
        if there is not None and (there.state != SUCCEEDED or there.environment_id.lower() != environment.lower()):
            self.remove(wanted.name, report)
            there = None
        if there is None:
            self._create(wanted, environment, report, timeout)
        made = self.deployment(wanted.name)
        if made is None or made.state != SUCCEEDED:
            raise self._failure(wanted.name, CloudError(f"it is {made.state if made else 'gone'}"))
        return made

    def remove(self, name: str, report: Report = quiet) -> None:
        """Deletes a deployment and waits until it is gone; nothing happens when there is none.

        Raises:
            CloudError: it still has traffic.
        """
        delete_and_wait(self._at(name), API_VERSION, report)

    def logs(self, name: str, lines: int = LOG_LINES) -> str:
        """The last lines that a deployment printed, below its state and events; "" when there is no deployment."""
        try:
            answer = arm().post(
                f"{self._at(name)}/getLogs", API_VERSION, {"containerType": "InferenceServer", "tail": lines}
            )
        except CloudError as error:
            if error.status == 404:
                return ""
            raise
        return str(answer.get("content") or "")

    def _create(self, wanted: ImageDeployment, environment: str, report: Report, timeout: float) -> None:
        body = wanted.body(environment, self._document()["location"])
        try:
            put_and_wait(self._at(wanted.name), API_VERSION, body, report, timeout)
        except CloudError as error:
            if error.status:
                raise
            raise self._failure(wanted.name, error) from None

    def _settle(self, name: str, report: Report, timeout: float) -> OnlineDeployment | None:
        """Waits for the end of what somebody else has begun."""
        began = time.monotonic()
        while (found := self.deployment(name)) is not None and found.state in (*MAKING, DELETING):
            elapsed = time.monotonic() - began
            if elapsed > timeout:
                raise CloudError(
                    f"the deployment '{name}' is still {found.state} after {elapsed:.0f} s", code="Timeout"
                )
            report(f"{found.state}, {elapsed:.0f} s")
            time.sleep(1.0)
        return found

    def _failure(self, name: str, error: CloudError) -> DeploymentFailure:
        log = self.logs(name).strip()
        tail = f"\n{log}" if log else ""
        return DeploymentFailure(f"the deployment '{name}' did not get ready: {error}{tail}", code=error.code, log=log)

    def _register(self, wanted: ImageDeployment) -> str:
        """The id of the environment version that stands for the image.

        Raises:
            CloudError: somebody gave that version another image; it cannot be changed.
        """
        path = f"{self.workspace.path}/environments/{wanted.environment}/versions/{wanted.environment_version}"
        found = arm().get(path, API_VERSION)
        if found is None:
            arm().put(path, API_VERSION, wanted.environment_body())
        elif (image := found["properties"].get("image")) != wanted.image:
            raise CloudError(f"{path} stands for {image} instead of {wanted.image}: delete that version", status=400)
        return path

    def _read(self, document: Mapping[str, Any]) -> OnlineDeployment:
        properties = document["properties"]
        environment = str(properties.get("environmentId") or "")
        return OnlineDeployment(
            name=str(document["name"]),
            state=str(properties.get("provisioningState") or ""),
            image=image_of(environment.removeprefix("azureml:")),
            environment_id=environment.removeprefix("azureml:"),
            instances=int((document.get("sku") or {}).get("capacity") or 1),
            tags=document.get("tags") or {},
        )

    def _at(self, name: str) -> str:
        return f"{self.path}/deployments/{name}"

    def _document(self) -> dict[str, Any]:
        document = arm().get(self.path, API_VERSION)
        if document is None:
            raise CloudError(f"there is no online endpoint '{self.name}' in '{self.workspace.name}'", status=404)
        return document


def to_endpoint(document: Mapping[str, Any]) -> OnlineEndpoint:
    """An ARM document as an endpoint."""
    properties = document["properties"]
    return OnlineEndpoint(
        name=str(document["name"]),
        scoring_uri=str(properties.get("scoringUri") or ""),
        open_api_uri=str(properties.get("swaggerUri") or ""),
        auth_mode=str(properties.get("authMode") or ""),
        state=str(properties.get("provisioningState") or ""),
        traffic={name: int(share) for name, share in (properties.get("traffic") or {}).items() if share},
        tags=document.get("tags") or {},
    )


def writable_identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity as a PUT takes it: without the ids that the service fills in."""
    body: dict[str, Any] = {"type": identity["type"]}
    if assigned := identity.get("userAssignedIdentities"):
        body["userAssignedIdentities"] = {name: {} for name in assigned}
    return body


@cache
def image_of(environment_id: str) -> str:
    """The image of an environment version, which never changes; "" when there is none."""
    document = arm().get(environment_id, API_VERSION) if environment_id.startswith("/") else None
    return str((document or {}).get("properties", {}).get("image") or "")
