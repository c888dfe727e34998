"""Puts a stack right after `pulumi` was killed, before anything else is tried.

A killed CLI leaves a lock and, in the state, the creations that were under way. Whatever the cloud has finished of
them would be refused as "already exists" by the next `up`. So: locks of dead processes go; a creation whose id
follows from its inputs is looked up in the cloud and moved into the resources when it is there; every other one is
dropped (dynamic resources adopt what they find). A refresh then reads what really is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.locks import find_locks
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.stacks import PROJECT
from tools.state_file import StateFile, backend_folder

ExistingId = Callable[[dict[str, Any]], str | None]
"""Gives the id that a pending resource has in the cloud, None when it is not there."""


@dataclass
class Recovery:
    """What was put right."""

    locks: int = 0
    attributes: int = 0
    restored: str = ""
    adopted: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.locks or self.attributes or self.restored or self.adopted or self.dropped)

    def lines(self) -> list[str]:
        """Words for a person."""
        said = [f"removed {self.locks} lock(s) of a process that is gone"] if self.locks else []
        if self.attributes:
            said.append(f"removed {self.attributes} cut-off file(s) of attributes, in which nothing of the state was")
        said += [self.restored] if self.restored else []
        said += [f"found in the cloud and taken into the state: {name}" for name in self.adopted]
        return said + [f"was not finished and will be tried again: {name}" for name in self.dropped]


def remove_stale_locks(backend: Path, stack: str, project: str = PROJECT) -> int:
    """Removes locks of dead processes and returns how many.

    Raises:
        SetupError: a living process holds one, or a process on another machine may.
    """
    locks = find_locks(backend, project, stack)
    for lock in locks:
        if not lock.stale:
            raise SetupError(
                f"stack {stack} is locked by {lock.holder}. Wait until it ends; if you know that it is gone: "
                f"pulumi cancel --yes --stack {stack}"
            )
    for lock in locks:
        lock.file.unlink(missing_ok=True)
        lock.file.with_name(f"{lock.file.name}.attrs").unlink(missing_ok=True)
    return len(locks)


def short_name(urn: str) -> str:
    """`type name` of a URN."""
    parts = urn.split("::")
    return f"{parts[2].rsplit('$', 1)[-1]} {parts[3]}" if len(parts) > 3 else urn


def settle(state: dict[str, Any], existing_id: ExistingId) -> tuple[dict[str, Any], Recovery]:
    """The state without pending operations: creations that the cloud finished are resources now."""
    settled = deepcopy(state)
    deployment, recovery = settled["deployment"], Recovery()
    resources = deployment.setdefault("resources", [])
    for operation in deployment.pop("pending_operations", None) or []:
        resource = operation["resource"]
        name = short_name(resource["urn"])
        found = existing_id(resource) if operation["type"] == "creating" else None
        live = [other for other in resources if other["urn"] == resource["urn"] and not other.get("delete")]
        if operation["type"] == "creating" and not found:
            recovery.dropped.append(name)
        if not found or any(other.get("id", "").lower() == found.lower() for other in live):
            continue
        for other in live:
            other["delete"] = True
        resources.append({**resource, "id": found, "outputs": resource.get("outputs") or resource.get("inputs", {})})
        recovery.adopted.append(name)
    return settled, recovery


def existing_arm_id(resource: dict[str, Any], subscription: str) -> str | None:
    """Asks Azure Resource Manager whether an azure-native resource is there; its id follows from its inputs."""
    from emulator.resource_types import ResourceTable, UnknownResourceTypeError
    from ml.clients.arm import arm

    try:
        entry = ResourceTable.load().entry_for_token(resource["type"])
    except UnknownResourceTypeError:
        return None
    inputs = resource.get("inputs", {})
    values = {
        hole: inputs.get(parameter.input) if parameter.input else subscription
        for hole, parameter in entry.parameters.items()
    }
    if not all(isinstance(values.get(hole), str) for hole in entry.path.holes):
        return None
    path = entry.path.fill({hole: str(value) for hole, value in values.items()})
    document = arm().get(path, entry.api_version)
    return None if document is None else str(document.get("id", path))


def pending_in_file(backend: Path, stack: str, project: str = PROJECT) -> bool:
    """Whether the state file names operations that were cut off: much faster than asking the CLI."""
    return bool(StateFile(backend, project, stack).checkpoint().get("pending_operations"))


def recover(pulumi: Pulumi, existing_id: ExistingId, project: str = PROJECT, restore: bool = False) -> Recovery:
    """Puts the stack right; costs next to nothing when nothing is wrong with a file backend.

    Args:
        restore: puts a copy in place of a state that cannot be read.

    Raises:
        SetupError: somebody else is at work on the stack, Pulumi refused the repaired state, or the state cannot be
            read and nothing may be, or can be, put in its place.
    """
    backend, recovery = backend_folder(pulumi.environment.get("PULUMI_BACKEND_URL", "")), Recovery()
    if backend:
        recovery.locks = remove_stale_locks(backend, pulumi.stack.name, project)
        state_file = StateFile(backend, project, pulumi.stack.name)
        recovery.attributes = state_file.drop_unreadable_attributes()
        if restore:
            recovery.restored = state_file.restore()
        if not recovery.restored and not pending_in_file(backend, pulumi.stack.name, project):
            return recovery
    state = pulumi.export()
    pending = bool(state.get("deployment", {}).get("pending_operations"))
    if pending:
        settled, found = settle(state, existing_id)
        recovery.adopted, recovery.dropped = found.adopted, found.dropped
        pulumi.read("stack", "import", given=json.dumps(settled))
    if pending or recovery.restored:
        pulumi.read("refresh", "--yes", "--skip-preview")
    return recovery
