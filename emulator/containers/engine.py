"""What starts containers: one engine for images, chosen once, and one for commands without an image."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from emulator.containers.images import ImageConfiguration
from emulator.containers.marked_processes import CONTAINER
from emulator.containers.program import Program
from emulator.containers.specification import ContainerSpecification
from emulator.settings import STATE


@dataclass(frozen=True)
class Image:
    """An image on this machine: its digest reference, configuration and unpacked root file system."""

    reference: str
    configuration: ImageConfiguration
    root: Path


@dataclass(frozen=True)
class Start:
    """One start of a container: `folder` is the container's own, kept between its runs; `state` the emulator's."""

    specification: ContainerSpecification
    image: Image | None
    folder: Path
    log: Path
    state: Path
    command: Sequence[str] = field(init=False)
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "command", command(self.specification, self.image))
        marks = {STATE: str(self.state), CONTAINER: f"{self.folder}#{secrets.token_hex(4)}"}
        object.__setattr__(self, "environment", {**environment(self.specification, self.image), **marks})

    def scratch(self, name: str) -> Path:
        """A folder of the container's own."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path


class Engine(Protocol):
    """Starts containers."""

    name: str

    async def start(self, start: Start) -> Program:
        """Starts a container; its output goes to the log.

        Raises:
            CannotRun, OSError: it cannot be started; the message says why.
        """

    def clean(self) -> None:
        """Removes what containers of a killed emulator have left."""


def command(specification: ContainerSpecification, image: Image | None) -> Sequence[str]:
    """The specification's command, else the image's."""
    if specification.command:
        return specification.command
    if image is None:
        return ()
    return (*image.configuration.entrypoint, *image.configuration.command)


def environment(specification: ContainerSpecification, image: Image | None) -> dict[str, str]:
    """The image's variables, the container's, and where to listen."""
    network = {"PORT": str(specification.ports[0])} if specification.ports else {}
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ORT_DISABLE_TELEMETRY": "1",
        **(image.configuration.environment if image else {}),
        **network,
        **specification.environment,
        "HOST": specification.address,
    }
