"""What the container groups of one system run on and with."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.clients.secrets import Secrets
from ml.clients.workspace import Workspace
from ml.progress import Failure
from ml.rollout.container_group.groups import CPU, MEMORY_GB

KEY_BYTES = 32
CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"


@dataclass(frozen=True)
class Place:
    """Where groups are made and who pulls their images. `variables` are what a server is told of its surroundings."""

    location: str
    identity_id: str
    registry: str
    client_id: str = ""
    cpu: float = CPU
    memory_gb: float = MEMORY_GB
    ready_seconds: int = 120
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


def size(cpu: float, memory_gb: float) -> str:
    """What makes another deployment of the same image."""
    return f"{cpu:g} cores {memory_gb:g} GB"


def like(document: Mapping[str, Any], variables: Mapping[str, str]) -> Place:
    """The place of a group that is there: what is deployed again runs like it."""
    properties, identities = document["properties"], (document.get("identity") or {}).get("userAssignedIdentities")
    requests = properties["containers"][0]["properties"]["resources"]["requests"]
    credentials = properties.get("imageRegistryCredentials") or [{}]
    shown = properties["containers"][0]["properties"].get("environmentVariables") or []
    known = {one["name"]: one["value"] for one in shown if one.get("value")}
    return Place(
        location=str(document["location"]),
        identity_id=next(iter(identities or {}), ""),
        registry=str(credentials[0].get("server") or ""),
        client_id=known.get("AZURE_CLIENT_ID", ""),
        cpu=float(requests["cpu"]),
        memory_gb=float(requests["memoryInGB"]),
        variables={**known, **variables},
    )


def secret_name(system: str) -> str:
    """The name of the key in the workspace's vault."""
    return f"{system.replace('_', '-')}-scoring-key"


def scoring_key(workspace: Workspace, system: str) -> str:
    """The key that clients of a system send.

    Raises:
        Failure: there is none yet.
    """
    found = Secrets.of(workspace).get(secret_name(system))
    if not found:
        raise Failure(f"{system} has no key yet: `make up` makes it")
    return found


def ensure_key(workspace: Workspace, system: str) -> str:
    """The same, made when there is none."""
    vault = Secrets.of(workspace)
    found = vault.get(secret_name(system))
    if not found:
        found = secrets.token_urlsafe(KEY_BYTES)
        vault.put(secret_name(system), found)
    return found
