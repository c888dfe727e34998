"""An online endpoint as a rollout uses it: which deployment is which version, and what a new one runs with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ml.clients.arm import arm
from ml.clients.endpoints import DeploymentFailure, ImageDeployment, OnlineDeployment, OnlineEndpoints, Probing
from ml.clients.operations import finish
from ml.clients.workspace import API_VERSION
from ml.progress import Failure
from ml.rollout.core.deployments import ANSWER_SECONDS
from ml.rollout.core.ports import Deployment, Rejected, Target

# What Azure says when a container does not start or does not get ready; anything else is not the image's fault:
# https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#error-resourcenotready
# The words stand in the message: its code is often null, or BadArgument.
FAULTY = ("ResourceNotReady", "User container has crashed or terminated")
VERSION_TAG = "version"
SCALE_SECONDS = 1800.0


@dataclass(frozen=True)
class Machines:
    """What a new deployment runs on and with."""

    instance_type: str
    instances: int = 1
    ready_seconds: int = 120
    answer_seconds: int = ANSWER_SECONDS
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CloudEndpoint:
    """One endpoint of a workspace.

    `machines` is asked when something is deployed. `watching` is told how long that has been going on; what it raises
    ends the wait.
    """

    client: OnlineEndpoints
    system: str
    machines: Callable[[], Machines]
    watching: Callable[[str], None]

    def traffic(self) -> dict[str, int]:
        """Percent by deployment, those with 0 left out."""
        return dict(self.client.get().traffic)

    def deployments(self) -> list[Deployment]:
        """All deployments."""
        return [to_deployment(one) for one in self.client.deployments()]

    def set_traffic(self, traffic: Mapping[str, int]) -> None:
        """Sets the whole map."""
        self.client.set_traffic(traffic)

    def deploy(self, target: Target) -> None:
        """Makes the target's deployment and waits until it is ready.

        Raises:
            Rejected: its container does not start or does not get ready.
            Failure: it could not be made for another reason.
        """
        try:
            self.client.deploy(self.wanted(target, self.machines()), report=self.watching)
        except DeploymentFailure as failure:
            said = f"{failure.code} {str(failure).removesuffix(failure.log)}"  # not what the container itself printed
            if any(words in said for words in FAULTY):
                raise Rejected(str(failure)) from None
            raise Failure(str(failure)) from None

    def wanted(self, target: Target, machines: Machines) -> ImageDeployment:
        """What a deployment of the target runs."""
        hyphens = self.system.replace("_", "-")
        return ImageDeployment(
            name=target.deployment,
            image=target.image,
            environment=f"{hyphens}-scoring",
            environment_version=target.digest.removeprefix("sha256:")[:12],
            instance_type=machines.instance_type,
            instances=machines.instances,
            timeout=machines.answer_seconds,
            variables=machines.variables,
            tags={"system": self.system, VERSION_TAG: str(target.version), "sha256": target.sha256},
            readiness=Probing(failures=machines.ready_seconds),
        )

    def remove(self, name: str) -> None:
        """Deletes a deployment and waits until it is gone."""
        self.client.remove(name, self.watching)

    def scale(self, name: str, instances: int) -> None:
        """Gives a deployment another number of instances, and waits until it has them.

        Raises:
            CloudError: it does not get them, for want of quota for instance.
        """
        found = self.client.deployment(name)
        if found is not None and found.instances != instances:
            path = f"{self.client.path}/deployments/{name}"
            sku = {"name": "Default", "capacity": instances}
            answer = arm().send("PATCH", path, API_VERSION, body={"sku": sku})
            finish(answer, path, self.watching, SCALE_SECONDS)

    def like(self, name: str, ready_seconds: int = 120) -> Machines:
        """What a deployment that is there runs on and with.

        Raises:
            Failure: it is gone.
        """
        document = arm().get(f"{self.client.path}/deployments/{name}", API_VERSION)
        if document is None:
            raise Failure(f"the deployment {name} is gone")
        properties = document["properties"]
        instances = int((document.get("sku") or {}).get("capacity") or 1)
        given = properties.get("environmentVariables") or {}
        allowed = str((properties.get("requestSettings") or {}).get("requestTimeout") or "")
        found = re.fullmatch(r"PT(\d+)S", allowed)
        seconds = int(found.group(1)) if found else ANSWER_SECONDS
        return Machines(str(properties["instanceType"]), instances, ready_seconds, seconds, given)


def to_deployment(found: OnlineDeployment) -> Deployment:
    """A deployment with its version, when a rollout made it."""
    given = found.tags.get(VERSION_TAG, "")
    return Deployment(found.name, int(given) if given.isdigit() else None, found.image, found.state)
