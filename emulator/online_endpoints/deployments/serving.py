"""What a deployment runs, worked out from its documents once and kept with it: a restart starts the same again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emulator.containers.specification import ContainerSpecification, Probe

PLACE = "${EMULATOR_STATE}"
"""Stands for the state folder in a document: the checkout may be moved."""


@dataclass(frozen=True)
class ServingRoute:
    """A path and a port of the model's server."""

    path: str
    port: int


@dataclass(frozen=True)
class Serving:
    """`image` is a reference by digest; without one `command` runs on this machine as it is.

    `mounts` are folders of this machine by their path in the container; `folder` is where its files are.
    """

    folder: str
    image: str | None
    scoring: ServingRoute
    liveness: Probe
    readiness: Probe
    environment: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    mounts: dict[str, str] = field(default_factory=dict)
    directory: str | None = None
    memory_gb: float = 4.0
    cpu: float = 2.0

    @property
    def revision(self) -> str:
        """Differs whenever instances have to be replaced."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:8]

    @property
    def ports(self) -> tuple[int, ...]:
        """Where the server listens, scoring first."""
        return tuple(dict.fromkeys((self.scoring.port, self.liveness.port, self.readiness.port)))

    def specification(self, name: str, address: str, more: dict[str, str]) -> ContainerSpecification:
        """One instance; `more` are variables that are kept nowhere, such as an identity's."""
        return ContainerSpecification(
            name=name,
            image=self.image,
            address=address,
            ports=self.ports,
            environment={**self.environment, **more},
            command=self.command,
            memory_gb=self.memory_gb,
            cpu=self.cpu,
            mounts={path: Path(where) for path, where in self.mounts.items()},
            liveness=self.liveness,
            readiness=self.readiness,
            directory=Path(self.directory) if self.directory else None,
        )

    def to_json(self, state: Path) -> dict[str, Any]:
        """For a document's `private` part, without the place of the emulator's state folder."""
        return dict(_replaced(asdict(self), str(state), PLACE))

    @classmethod
    def from_json(cls, value: dict[str, Any], state: Path) -> Serving:
        """What `to_json` wrote."""
        value = _replaced(value, PLACE, str(state))
        parts = {
            "scoring": ServingRoute(**value["scoring"]),
            "liveness": Probe(**value["liveness"]),
            "readiness": Probe(**value["readiness"]),
            "command": tuple(value["command"]) if value["command"] else None,
        }
        return cls(**{**value, **parts})


def _replaced(value: Any, old: str, new: str) -> Any:
    """A value with a text replaced wherever one begins with it; tuples become lists, as in JSON."""
    if isinstance(value, dict):
        return {key: _replaced(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, old, new) for inner in value]
    return new + value.removeprefix(old) if isinstance(value, str) and value.startswith(old) else value
