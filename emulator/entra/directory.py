"""Who there is in the emulator's tenant beside managed identities, and who belongs to which group."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.entra.principal import Principal

DEVELOPER = Principal(
    object_id="00000000-0000-0000-0000-0000000e3b01", client_id="00000000-0000-0000-0000-0000000e3b02", audience=""
)
"""Whoever works on this machine: made the subscription, and belongs to the deployers."""
PIPELINE = Principal(
    object_id="00000000-0000-0000-0000-0000000e3b03", client_id="00000000-0000-0000-0000-0000000e3b04", audience=""
)
"""A service principal as a pipeline has one: belongs to the deployers and has nothing else."""
SERVICE = Principal(
    object_id="00000000-0000-0000-0000-0000000e3b05", client_id="00000000-0000-0000-0000-0000000e3b06", audience=""
)
"""Azure's own services in storage that belongs to them; nobody can sign in as it."""
DEPLOYERS = "00000000-0000-0000-0000-0000000e3a03"
"""The group of those who run programs against this emulator."""
GROUPS: Mapping[str, frozenset[str]] = {DEPLOYERS: frozenset({DEVELOPER.object_id, PIPELINE.object_id})}
"""Members by group, object ids all."""


def groups_of(object_id: str) -> tuple[str, ...]:
    """The groups that somebody belongs to."""
    return tuple(group for group, members in GROUPS.items() if object_id.lower() in members)


def service_principal(client_id: str) -> Principal | None:
    """Who signs in under an application's id, None when it is nobody's."""
    return next((one for one in (DEVELOPER, PIPELINE) if one.client_id == client_id.lower()), None)
