"""What the stack has already: asked of the engine, which reads the state that this deployment starts from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pulumi

# The function behind a reference to a stack; it reads a stack that has not been deployed yet as an empty one.
READ = "pulumi:pulumi:readStackResourceOutputs"
# Every system declares one, first of all its resources, and the last of them to go.
RETENTION = ":Retention"
CUT_OFF = "failed to load checkpoint"
"""What the engine says when the state's file is being written at this moment, which it does as the program starts."""
ATTEMPTS, PAUSE_SECONDS = 30, 0.1


WORKSPACE = "azure-native:machinelearningservices:Workspace"
PROFILES: Mapping[str, str] = MappingProxyType(
    {"Disabled": "open", "AllowInternetOutbound": "hybrid", "AllowOnlyApprovedOutbound": "private"}
)
"""The isolation mode of a workspace's managed network, and the network profile that makes it so."""


@dataclass(frozen=True)
class Deployed:
    """What of the running stack decides whether a configuration is possible: the systems it has resources of, the
    network profile and the outputs of its workspace, None while there is no workspace, and all it has by type and name.
    """

    systems: frozenset[str]
    network_profile: str | None
    workspace: Mapping[str, Any] | None = None
    names: frozenset[tuple[str, str]] = field(default=frozenset())

    @classmethod
    def read(cls) -> Deployed:
        """As the state has it."""
        stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
        resources = _resources(stack).values()
        systems = frozenset(str(one["outputs"]["system"]) for one in resources if one["type"].endswith(RETENTION))
        workspace = next((one["outputs"] for one in resources if one["type"] == WORKSPACE), None)
        names = frozenset((one["type"], str(one["outputs"].get("name")).lower()) for one in resources)
        return cls(systems, None if workspace is None else _profile(workspace), workspace, names)

    def has(self, kind: str, name: str) -> bool:
        """Whether the stack has a resource of this type by its name in Azure, which knows no case."""
        return (kind, name.lower()) in self.names


def _profile(workspace: Mapping[str, Any]) -> str:
    mode = (workspace.get("managedNetwork") or {}).get("isolationMode")
    return PROFILES[mode or "Disabled"]


def _resources(stack: str) -> dict[str, Any]:
    """The outputs of every resource of a stack, by its URN."""
    found: dict[str, Any] = ask(READ, {"stackName": stack})["outputs"]
    return found


def ask(function: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    """What a function of the engine answers that reads the state of a stack."""
    left = ATTEMPTS
    while True:
        left -= 1
        try:
            return dict(pulumi.runtime.invoke(function, arguments).value)
        except Exception as error:  # the SDK has no class of its own for what an invoke answers
            if CUT_OFF not in str(error) or not left:
                raise
            time.sleep(PAUSE_SECONDS)
