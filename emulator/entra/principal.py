"""Who sent a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """The subject of a checked token: Entra object and application ids, and the audience the token was issued for."""

    object_id: str
    client_id: str
    audience: str
