"""What somebody wants to run: an image or a command, where it listens, and how to tell that it is well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

RestartPolicy = Literal["Always", "OnFailure", "Never"]


@dataclass(frozen=True)
class Probe:
    """An HTTP GET that tells how a container is; times in seconds, meanings and defaults as in Kubernetes.

    Any status from 200 to 399 is a success:
    https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/.
    """

    path: str
    port: int
    scheme: str = "http"
    initial_delay: float = 0
    period: float = 10
    timeout: float = 2
    failure_threshold: int = 3
    success_threshold: int = 1


@dataclass(frozen=True)
class ContainerSpecification:
    """One container.

    Attributes:
        name: unique on this emulator, such as `container-group/<group>/<container>`.
        image: a reference; without one `command` runs on this machine as it is.
        address: the 127.x.y.z it listens on, from `ContainerHost.address`.
        ports: what it listens on; the program is told `HOST` and, as `PORT`, the first of them.
        command: in place of the image's entrypoint and command.
        mounts: folders or files of this machine by their path in the container, read-only.
        directory: where a command without an image runs.
    """

    name: str
    image: str | None
    address: str
    ports: tuple[int, ...]
    environment: Mapping[str, str]
    command: tuple[str, ...] | None = None
    memory_gb: float = 1.0
    cpu: float = 1.0
    mounts: Mapping[str, Path] = field(default_factory=dict)
    liveness: Probe | None = None
    readiness: Probe | None = None
    restart: RestartPolicy = "Always"
    directory: Path | None = None

    def __repr__(self) -> str:
        """Without the environment: it may hold secrets."""
        return f"ContainerSpecification({self.name!r}, image={self.image!r}, address={self.address!r})"
