"""The key of a system's endpoint."""

from __future__ import annotations

from ml.clients.endpoints import OnlineEndpoints
from tools.deployed_system import DeployedSystem


def primary_key(system: DeployedSystem) -> str:
    """What clients send as `Authorization: Bearer <key>`. It is shown to whoever asks and kept nowhere."""
    return OnlineEndpoints(system.workspace, system.endpoint).key()
