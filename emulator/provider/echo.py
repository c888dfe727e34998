"""Answers that make nothing: a resource is there as soon as it is asked for, with what the program gave it.

For a throwaway state that a later preview is held against. What Azure would hand out (ids of principals, addresses) is
a placeholder that follows from the resource's own id, so that the same program always leaves the same state.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from emulator.provider import preview
from emulator.provider.lifecycle import Found, Made
from emulator.provider.values import is_unknown
from emulator.resource_types.conversion import resource_path

if TYPE_CHECKING:
    from emulator.provider.configuration import Configuration
    from emulator.provider.values import Properties
    from emulator.resource_types import ResourceEntry

VARIABLE = "AZURE_MLOPS_ECHO"
"""Holds the folder of the throwaway backend; it has a file of the name `MARK` in it."""
MARK = "throwaway"
SERVICES = ("blob", "dfs", "file", "queue", "table", "web")
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562: names that are URLs


def echoing(environment: Mapping[str, str]) -> bool:
    """Whether this process serves a throwaway backend: the variable says so, the backend is that very folder, and the
    folder is marked. A shell in which only the variable is left changes nothing of anybody's state by it.
    """
    folder, backend = environment.get(VARIABLE, ""), urlparse(environment.get("PULUMI_BACKEND_URL", ""))
    same = backend.scheme == "file" and f"{backend.netloc}{backend.path}" == folder
    return bool(folder) and same and Path(folder, MARK).is_file()


@dataclass(frozen=True, slots=True)
class Echo:
    """Does to a resource what `Lifecycle` does, and contacts nothing."""

    configuration: Configuration

    def create(self, entry: ResourceEntry, inputs: Properties, timeout: float) -> Made:
        """The resource as if Azure had made it."""
        path = resource_path(entry, inputs, self.configuration.required_subscription())
        return self.update(entry, path, inputs, timeout)

    def update(self, entry: ResourceEntry, id_: str, inputs: Properties, timeout: float) -> Made:
        """The resource as if Azure had changed it."""
        told = preview.created(entry, inputs)
        defaults = {name for name in entry.inputs if is_unknown(told.get(name))}  # what the service would choose
        known = {name: _known(value, id_, name) for name, value in told.items() if name not in defaults}
        return Made(id_, {**known, "id": id_})

    def read(self, entry: ResourceEntry, id_: str, inputs: Properties, state: Properties) -> Found:
        """The resource as the state has it."""
        return Found(id_, state, inputs)

    def delete(self, entry: ResourceEntry, id_: str, timeout: float) -> None:
        """Nothing is there to be deleted."""


def placeholder(path: str, name: str) -> str:
    """What stands for a text that Azure would hand out: a GUID where the name ends like one's, else a short word."""
    if name.endswith("Id") or name == "id":
        return str(uuid.uuid5(NAMESPACE, f"{path}#{name}"))
    return f"echo-{hashlib.sha256(f'{path}#{name}'.encode()).hexdigest()[:12]}"


def _known(value: Any, path: str, at: str) -> Any:
    """What a preview would tell, with a placeholder for each part that it would not."""
    if is_unknown(value):
        return _address(path, at) or placeholder(path, at)
    if isinstance(value, Mapping):
        return {name: _known(inner, path, f"{at}.{name}") for name, inner in value.items()}
    return (
        [_known(inner, path, f"{at}[{index}]") for index, inner in enumerate(value)]
        if isinstance(value, list)
        else value
    )


def _address(path: str, at: str) -> Any:
    """Addresses that follow from a name alone; None for any other property.

    https://learn.microsoft.com/azure/storage/common/storage-account-overview#standard-endpoints
    https://learn.microsoft.com/azure/container-registry/container-registry-concepts#registry
    """
    name = path.rpartition("/")[2]
    if at == "primaryEndpoints":
        return {service: f"https://{name}.{service}.core.windows.net/" for service in SERVICES}
    return f"{name}.azurecr.io" if at == "loginServer" else None
