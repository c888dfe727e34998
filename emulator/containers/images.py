"""What containers need to know of images; the registry's part of the emulator provides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class ImageConfiguration(Protocol):
    """An image's configuration: https://github.com/opencontainers/image-spec/blob/main/config.md."""

    @property
    def entrypoint(self) -> Sequence[str]: ...

    @property
    def command(self) -> Sequence[str]: ...

    @property
    def environment(self) -> Mapping[str, str]: ...

    @property
    def user(self) -> str: ...

    @property
    def working_directory(self) -> str: ...


class Images(Protocol):
    """Finds and unpacks images; every method may take as long as a download."""

    def resolve(self, reference: str) -> str:
        """The reference by digest; an error that names what is missing."""

    def configuration(self, reference: str) -> ImageConfiguration:
        """The image's configuration."""

    def unpack(self, reference: str) -> Path:
        """The image's root file system."""
