"""The stacks of this project and which cloud each one talks to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.progress import SetupError
from tools.versions import ROOT

FOLDER = ROOT / "stacks"
PROJECT = "mlops"
DEFAULT = "local"
"""The stack that is meant when none is named."""
CLOUDS = ("emulator", "azure")


@dataclass(frozen=True)
class Stack:
    """A stack with its configuration file."""

    name: str
    cloud: str
    file: Path

    @property
    def emulated(self) -> bool:
        """Whether it talks to the emulator on this machine."""
        return self.cloud == "emulator"

    def configuration(self) -> dict[str, Any]:
        """The whole file, as YAML has it."""
        return dict(yaml.safe_load(self.file.read_text()) or {})


def folder_name(system: str) -> str:
    """A system's name as its folder has it. People also write it with hyphens, as its endpoint has it."""
    return system.replace("-", "_")


def stack_names(folder: Path = FOLDER) -> list[str]:
    """Every stack that has a configuration file."""
    return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in folder.glob("Pulumi.*.yaml"))


def load_stack(name: str, folder: Path = FOLDER) -> Stack:
    """The stack of this name.

    Raises:
        SetupError: there is none, or its file does not say which cloud it talks to.
    """
    file = folder / f"Pulumi.{name}.yaml"
    if not file.is_file():
        raise SetupError(
            f"STACK={name}: there is no {file.name} in {folder.name}/. Stacks here: {', '.join(stack_names(folder))}."
        )
    try:
        content = yaml.safe_load(file.read_text()) or {}
    except yaml.YAMLError as error:
        raise SetupError(f"{folder.name}/{file.name} is no valid YAML: {error}") from None
    cloud = (content.get("config") or {}).get(f"{PROJECT}:cloud")
    if cloud not in CLOUDS:
        raise SetupError(
            f"{folder.name}/{file.name}: '{PROJECT}:cloud' is '{cloud}'; write one of: {', '.join(CLOUDS)}."
        )
    return Stack(name, cloud, file)
