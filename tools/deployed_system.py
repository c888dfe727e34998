"""A system of a stack as it was deployed: where its workspace, its model and its endpoint are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml.clients.endpoints import OnlineEndpoint, OnlineEndpoints
from ml.clients.workspace import Workspace
from ml.rollout.container_group.as_endpoint import AsEndpoint
from ml.rollout.container_group.site import GroupSite
from ml.rollout.core.ports import Metrics, Row
from ml.rollout.online.site import Site
from ml.rollout.sites import CONTAINER_GROUP
from tools import shell
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.stacks import Stack, folder_name, load_stack

RETENTION, ENDPOINT, ROLLOUT = ":Retention", ":OnlineEndpoint", ":Rollout"


class Silent:
    """A row for whoever only looks."""

    def status(self, text: str) -> None:
        """Nothing is shown."""

    def note(self, text: str) -> None:
        """Nothing is kept."""


@dataclass(frozen=True)
class Recorded:
    """What the stack's state says of a system's serving; it may be older than what is. `traffic` is whole percent by
    deployment.
    """

    serving: int | None = None
    traffic: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DeployedSystem:
    """Found in the stack's state, which knows it even when a later step of it has failed; outputs do not."""

    stack: Stack
    name: str
    workspace: Workspace
    model: str
    endpoint_name: str | None
    assets: tuple[str, ...] = ()
    """Names of its data assets."""
    recorded: Recorded = field(default_factory=Recorded)
    in_groups: bool = False
    """Whether its model serves in container groups, and not at an online endpoint."""

    @property
    def endpoint(self) -> str:
        """Name of its endpoint.

        Raises:
            SetupError: it has none yet.
        """
        if self.endpoint_name is None:
            raise SetupError(f"{self.name} has no endpoint in stack {self.stack.name} yet: `make up` makes it")
        return self.endpoint_name

    def site(self, row: Row) -> GroupSite | Site:
        """Where its model serves, as a rollout sees it; nothing is deployed from there.

        Raises:
            SetupError: nowhere yet.
        """
        if self.in_groups:
            return GroupSite(self.workspace, self.name, self.model, self.endpoint, row)
        return Site(self.workspace, self.name, self.model, self.endpoint, row)

    @property
    def client(self) -> OnlineEndpoints | AsEndpoint:
        """Its endpoint as a client has it.

        Raises:
            SetupError: it has none yet.
        """
        if self.in_groups:
            return AsEndpoint(GroupSite(self.workspace, self.name, self.model, self.endpoint, Silent()))
        return OnlineEndpoints(self.workspace, self.endpoint)

    def metrics(self) -> Metrics:
        """What its clients get."""
        return self.site(Silent()).metrics()

    def online(self) -> tuple[OnlineEndpoints | AsEndpoint, OnlineEndpoint]:
        """Its endpoint as a client has it, and as it is now.

        Raises:
            SetupError: it was never made, or it is gone.
        """
        client = self.client
        found = client.find()
        if found is None:
            raise SetupError(f"the endpoint {client.name} is gone: `make up STACK={self.stack.name}` makes it again")
        return client, found


def find_system(stack_name: str, system: str) -> DeployedSystem:
    """The system, and this process's environment set for its stack.

    Args:
        system: its name, with underscores or hyphens; "" means the only one.

    Raises:
        SetupError: there is no such stack or system, or it was never deployed; the message says what to do.
    """
    stack = load_stack(stack_name)
    return select(stack, deployed_resources(stack), system)


def find_systems(stack_name: str) -> list[DeployedSystem]:
    """Every system of a stack that was deployed, in order, and this process's environment set for the stack.

    Raises:
        SetupError: there is no such stack, or it was never deployed.
    """
    stack = load_stack(stack_name)
    resources = deployed_resources(stack)
    return [to_system(stack, resources, given) for given in kept(resources)]


def deployed_resources(stack: Stack) -> Sequence[Mapping[str, Any]]:
    """The resources in a stack's state; this process works on the stack from here on.

    Raises:
        SetupError: the stack was never deployed.
    """
    require_emulator(stack)
    pulumi = Pulumi(stack, shell.enter(stack))
    try:
        return pulumi.resources()
    except SetupError:
        if pulumi.exists():
            raise
        raise SetupError(f"stack {stack.name} was never deployed: `make up STACK={stack.name}`") from None


def kept(resources: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What each system's `Retention` was given, by the system's name: it is made first and says where the system is."""
    found = [one["inputs"] for one in resources if one["type"].endswith(RETENTION)]
    return sorted(found, key=lambda inputs: str(inputs["system"]))


def select(stack: Stack, resources: Sequence[Mapping[str, Any]], system: str) -> DeployedSystem:
    """The system among a stack's resources; the only one when none is named.

    Raises:
        SetupError: it is not there, or there are several.
    """
    found = kept(resources)
    named = [one for one in found if not system or one["system"] == folder_name(system)]
    known = ", ".join(str(one["system"]) for one in found) or f"none yet: `make up STACK={stack.name}`"
    if not named:
        wrong = f"SYSTEM={system}: stack {stack.name} has no such system" if system else f"stack {stack.name} is empty"
        raise SetupError(f"{wrong}. Its systems: {known}.")
    if len(named) > 1:
        raise SetupError(f"SYSTEM is missing: write SYSTEM=<name>, one of: {known}")
    return to_system(stack, resources, named[0])


def to_system(stack: Stack, resources: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> DeployedSystem:
    """A system by what its `Retention` was given."""
    name = str(given["system"])
    endpoint = next((one for one in resources if is_endpoint(one, name)), None)
    rollout: Mapping[str, Any] = next((one["inputs"] for one in resources if is_rollout(one, name)), {})
    in_groups = rollout.get("target") == CONTAINER_GROUP
    endpoint_name = rollout["endpoint"] if in_groups else endpoint["inputs"]["endpointName"] if endpoint else None
    return DeployedSystem(
        stack,
        name,
        Workspace.from_inputs(given["workspace"]),
        str(given["model"]),
        str(endpoint_name) if endpoint_name else None,
        tuple(map(str, given.get("assets") or ())),
        to_recorded(resources, name, endpoint),
        in_groups,
    )


def to_recorded(resources: Sequence[Mapping[str, Any]], system: str, endpoint: Mapping[str, Any] | None) -> Recorded:
    """What the state says of a system's rollout and of its endpoint's traffic."""
    rollout = next((one for one in resources if is_rollout(one, system)), None)
    serving = ((rollout or {}).get("outputs") or {}).get("serving")
    properties = ((endpoint or {}).get("outputs") or {}).get("onlineEndpointProperties") or {}
    traffic = {str(name): int(share) for name, share in (properties.get("traffic") or {}).items() if share}
    return Recorded(int(serving) if serving else None, traffic)


def is_endpoint(resource: Mapping[str, Any], system: str) -> bool:
    """Whether a resource is a system's endpoint."""
    return bool(resource["type"].endswith(ENDPOINT) and resource["urn"].endswith(f"::{system}-endpoint"))


def is_rollout(resource: Mapping[str, Any], system: str) -> bool:
    """Whether a resource is a system's rollout."""
    return bool(resource["type"].endswith(ROLLOUT) and resource["urn"].endswith(f"::{system}-rollout"))


def require_emulator(stack: Stack) -> None:
    """An emulator stack needs its emulator.

    Raises:
        SetupError: it does not run.
    """
    if not stack.emulated:
        return
    from emulator.settings import default_state
    from emulator.supervisor import Supervisor

    if Supervisor(default_state()).status() is None:
        raise SetupError("the emulator does not run: `make up` starts it")
