"""From a rollout's inputs to where it takes place and what should serve there."""

from __future__ import annotations

from ml.clients.workspace import Workspace
from ml.identity.values import Properties
from ml.progress import note, status
from ml.rollout.container_group.groups import CPU, MEMORY_GB
from ml.rollout.container_group.place import Place, size
from ml.rollout.container_group.site import GroupSite
from ml.rollout.core.deployments import ANSWER_SECONDS, deployment_name, patience, variables
from ml.rollout.core.ports import Site, Target
from ml.rollout.online.endpoint import Machines
from ml.rollout.online.site import Site as OnlineSite
from ml.rollout.trials.load import RequiredLoad

CONTAINER_GROUP = "container_group"
"""The input `target` of a rollout to container groups; an online endpoint's has none."""


class HostRow:
    """Progress on the resource's own row."""

    def status(self, text: str) -> None:
        """Replaces the line."""
        status(text)

    def note(self, text: str) -> None:
        """Adds a line that stays."""
        note(text)


def to_site(inputs: Properties) -> Site:
    """Where the rollout takes place."""
    workspace = Workspace.from_inputs(inputs["workspace"])
    given = workspace, inputs["system"], inputs["model"], inputs["endpoint"], HostRow()
    if inputs.get("target") == CONTAINER_GROUP:
        return GroupSite(*given, lambda: to_place(inputs))

    def machines() -> Machines:
        seconds = int(max(RequiredLoad.of(inputs.get("load")).answer_seconds, ANSWER_SECONDS))
        given = variables(inputs.get("applicationInsightsId"), inputs.get("identityClientId")) | patience(seconds)
        return Machines(inputs["instanceType"], inputs["instances"], inputs["readySeconds"], seconds, given)

    return OnlineSite(*given, machines)


def to_place(inputs: Properties) -> Place:
    """What container groups run on and with."""
    staging, seconds = inputs["staging"], RequiredLoad.of(inputs.get("load")).answer_seconds
    return Place(
        location=staging["location"],
        identity_id=staging["identityId"],
        registry=staging.get("registryServer", ""),
        client_id=inputs.get("identityClientId") or "",
        cpu=to_cpu(inputs),
        memory_gb=to_memory(inputs),
        ready_seconds=int(inputs["readySeconds"]),
        variables=variables(inputs.get("applicationInsightsId"), inputs.get("identityClientId")) | patience(seconds),
    )


def to_cpu(inputs: Properties) -> float:
    """Cores of a container group."""
    return float(inputs["staging"].get("cpu") or CPU)


def to_memory(inputs: Properties) -> float:
    """Gigabytes of memory of a container group."""
    return float(inputs["staging"].get("memoryGb") or MEMORY_GB)


def to_target(inputs: Properties) -> Target:
    """What should serve."""
    version, image = int(inputs["version"] or 0), str(inputs["image"] or "")
    in_groups = inputs.get("target") == CONTAINER_GROUP
    name = deployment_name(
        version, image, size(to_cpu(inputs), to_memory(inputs)) if in_groups else inputs["instanceType"]
    )
    return Target(inputs["system"], version, image, inputs["sha256"], name)
