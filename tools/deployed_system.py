"""A system of a stack as it was deployed: where its workspace, its model and its endpoint are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml.clients.workspace import Workspace
from tools import shell
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.stacks import Stack, load_stack
from tools.summary import system_outputs


@dataclass(frozen=True)
class DeployedSystem:
    """Found in the stack's outputs."""

    stack: Stack
    name: str
    workspace: Workspace
    outputs: Mapping[str, Any]

    @property
    def model(self) -> str:
        """Name of its model."""
        described = self.outputs.get("model")
        named = described.get("name") if isinstance(described, Mapping) else None
        return str(named or self.name.replace("_", "-"))

    @property
    def endpoint(self) -> str:
        """Name of its endpoint.

        Raises:
            SetupError: it has none yet.
        """
        found = self.outputs.get("endpoint")
        if not found:
            raise SetupError(f"{self.name} has no endpoint in stack {self.stack.name} yet: `make up` makes it")
        return str(found)


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
    environment = shell.environment(stack)
    os.environ.update(environment)
    pulumi = Pulumi(stack, environment)
    try:
        outputs = pulumi.outputs()
    except SetupError:
        if pulumi.exists():
            raise
        raise SetupError(f"stack {stack.name} was never deployed: `make up STACK={stack.name}`") from None
    return select(stack, outputs, system)


def select(stack: Stack, outputs: Mapping[str, Any], system: str) -> DeployedSystem:
    """The system in a stack's outputs.

    Raises:
        SetupError: it is not there.
    """
    systems = system_outputs(outputs)
    name = next((one for one in systems if one.replace("_", "-") == system.replace("_", "-")), None)
    if name is None:
        known = ", ".join(systems) or "none yet: `make up`"
        raise SetupError(f"SYSTEM={system}: stack {stack.name} has no such system. Its systems: {known}.")
    platform = outputs.get("platform") or {}
    parts = [platform.get(key) for key in ("subscriptionId", "resourceGroup", "workspace")]
    if not all(parts):
        raise SetupError(f"stack {stack.name} has no workspace yet: `make up STACK={stack.name}`")
    return DeployedSystem(stack, name, Workspace(*map(str, parts)), systems[name])


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
