"""Staging's container groups in Azure Container Instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml.clients.arm import arm
from ml.clients.container_groups import API_VERSION, ContainerGroup, ContainerGroups
from ml.rollout.container_group.starting import PORT, GroupState

CPU, MEMORY_GB = 1.0, 1.5
LOG_LINES = 20
KILLED = 137
"""Exit code of a program that was killed: in a group nobody does that but the kernel, for want of memory."""


@dataclass(frozen=True)
class CloudGroups:
    """The groups of one system in one resource group."""

    client: ContainerGroups
    system: str
    location: str
    identity_id: str
    registry: str
    cpu: float = CPU
    memory_gb: float = MEMORY_GB
    variables: Mapping[str, str] = field(default_factory=dict)
    subnet_id: str = ""

    @property
    def prefix(self) -> str:
        """What the names of the system's staging groups begin with."""
        return f"{self.system.replace('_', '-')}-staging-"

    def leftovers(self) -> list[str]:
        """Names of the system's staging groups."""
        return [name for name in self.client.names() if name.startswith(self.prefix)]

    def start(self, name: str, image: str, key: str) -> None:
        """Starts a group with the scoring server; a server that ends stays ended, so that its end is seen."""
        group = ContainerGroup(
            name=name,
            location=self.location,
            image=image,
            port=PORT,
            # Nobody else asks it, so it need not linger for requests that are on their way.
            environment={"ORT_DISABLE_TELEMETRY": "1", "LINGER_SECONDS": "0", **self.variables},
            secrets={"SCORING_KEY": key},
            cpu=self.cpu,
            memory_gb=self.memory_gb,
            identity_id=self.identity_id,
            registry=self.registry,
            restart_policy="Never",
            tags={"system": self.system, "purpose": "staging"},
            subnet_id=self.subnet_id,
        )
        arm().put(self.client.path(name), API_VERSION, group.body())

    def state(self, name: str) -> GroupState:
        """How it is."""
        found = self.client.get(name)
        if found is None:
            return GroupState(problem="somebody deleted the container group")
        if found.provisioning == "Failed":
            return GroupState(problem=found.reason or "the container group could not be made")
        if found.state == "Terminated" or found.crashing:
            ended = f"exit code {found.exit_code} {found.reason}".strip()
            return GroupState(ended=ended, out_of_memory=found.exit_code == KILLED or "OOMKilled" in found.reason)
        return GroupState(base_url=found.url)

    def logs(self, name: str) -> str:
        """The last lines the container printed."""
        return self.client.logs(name, LOG_LINES)

    def delete(self, name: str) -> None:
        """Deletes a group and waits until it is gone."""
        self.client.delete(name)
