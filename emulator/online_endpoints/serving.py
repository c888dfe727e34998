"""What a deployment runs, worked out from its documents once and kept with it: a restart starts the same again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emulator.containers.specification import ContainerSpecification, Probe


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
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:8]

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

    def to_json(self) -> dict[str, Any]:
        """For a document's `private` part."""
        return {**asdict(self), "command": list(self.command) if self.command else None}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Serving:
        """What `to_json` wrote."""
        parts = {
            "scoring": ServingRoute(**value["scoring"]),
            "liveness": Probe(**value["liveness"]),
            "readiness": Probe(**value["readiness"]),
            "command": tuple(value["command"]) if value["command"] else None,
        }
        return cls(**{**value, **parts})
