"""The key of a system's endpoint."""

from __future__ import annotations

from tools.deployed_system import DeployedSystem


def primary_key(system: DeployedSystem) -> str:
    """What clients send as `Authorization: Bearer <key>`. It is shown to whoever asks and kept nowhere."""
    return system.online()[0].key()
