"""A system of a stack as it was deployed: where its workspace, its model and its endpoint are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.clients.workspace import Workspace
from tools import shell
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.stacks import Stack, folder_name, load_stack

RETENTION, ENDPOINT = ":Retention", ":OnlineEndpoint"


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

    @property
    def endpoint(self) -> str:
        """Name of its endpoint.

        Raises:
            SetupError: it has none yet.
        """
        if self.endpoint_name is None:
            raise SetupError(f"{self.name} has no endpoint in stack {self.stack.name} yet: `make up` makes it")
        return self.endpoint_name


def find_system(stack_name: str, system: str) -> DeployedSystem:
    """The system, and this process's environment set for its stack.

    Args:
        system: its name, with underscores or hyphens.

    Raises:
        SetupError: there is no such stack or system, or it was never deployed; the message says what to do.
    """
    if not system:
        raise SetupError("SYSTEM is missing: write SYSTEM=<name>, for instance SYSTEM=bike_buyer")
    stack = load_stack(stack_name)
    require_emulator(stack)
    pulumi = Pulumi(stack, shell.enter(stack))
    try:
        resources = pulumi.export()["deployment"].get("resources") or []
    except SetupError:
        if pulumi.exists():
            raise
        raise SetupError(f"stack {stack.name} was never deployed: `make up STACK={stack.name}`") from None
    return select(stack, resources, system)


def select(stack: Stack, resources: Sequence[Mapping[str, Any]], system: str) -> DeployedSystem:
    """The system among a stack's resources: its `Retention` is made first and says where it is.

    Raises:
        SetupError: it is not there.
    """
    kept = [one["inputs"] for one in resources if one["type"].endswith(RETENTION)]
    given = next((one for one in kept if one["system"] == folder_name(system)), None)
    if given is None:
        known = ", ".join(sorted(one["system"] for one in kept)) or f"none yet: `make up STACK={stack.name}`"
        raise SetupError(f"SYSTEM={system}: stack {stack.name} has no such system. Its systems: {known}.")
    name = str(given["system"])
    endpoint = next((one for one in resources if is_endpoint(one, name)), None)
    found = str(endpoint["inputs"]["endpointName"]) if endpoint else None
    assets = tuple(map(str, given.get("assets") or ()))
    return DeployedSystem(stack, name, Workspace.from_inputs(given["workspace"]), str(given["model"]), found, assets)


def is_endpoint(resource: Mapping[str, Any], system: str) -> bool:
    """Whether a resource is a system's endpoint."""
    return bool(resource["type"].endswith(ENDPOINT) and resource["urn"].endswith(f"::{system}-endpoint"))


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
