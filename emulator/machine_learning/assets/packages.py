"""The packages of an environment: a conda file's Python version and its pip section."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

PYTHON = re.compile(r"python\s*(?:=|==|>=|~=)?\s*(?P<version>\d+\.\d+)?(?:\.[\d*]+)?")
REQUIREMENT = re.compile(r"^[A-Za-z0-9]")
INSTALLERS = ("pip", "setuptools", "wheel")


class InvalidPackages(ValueError):
    """A conda file that cannot be read, or asks for what cannot be installed here."""


@dataclass(frozen=True)
class Packages:
    """What a virtual environment holds: `python` is `3.11` or None for any; `requirements` are lines for pip."""

    python: str | None = None
    requirements: tuple[str, ...] = ()

    @property
    def hashed(self) -> bool:
        """Whether every requirement carries hashes, so that the installer must check all of them."""
        named = [line for line in self.requirements if REQUIREMENT.match(line)]
        return bool(named) and all("--hash=" in line for line in named)


def read_packages(conda_file: str) -> Packages:
    """Reads a conda file, given as YAML.

    Raises:
        InvalidPackages: it is no conda file, or lists conda packages: the emulator installs with pip only.
    """
    try:
        content = yaml.safe_load(conda_file)
    except yaml.YAMLError as error:
        raise InvalidPackages(f"it is no YAML: {error}") from None
    dependencies = content.get("dependencies", []) if isinstance(content, dict) else None
    if not isinstance(dependencies, list):
        raise InvalidPackages("it must be a mapping with a list 'dependencies'")
    python: str | None = None
    requirements: list[str] = []
    for entry in dependencies:
        if isinstance(entry, dict):
            requirements += pip_section(entry)
        else:
            python = conda_package(str(entry)) or python
    return Packages(python, tuple(requirements))


def pip_section(entry: dict[str, Any]) -> list[str]:
    """The lines of a `pip:` entry."""
    lines = entry.get("pip")
    if set(entry) != {"pip"} or not isinstance(lines, list):
        raise InvalidPackages(f"{entry!r} is not understood: the one mapping allowed is 'pip' with a list")
    return [str(line) for line in lines]


def conda_package(text: str) -> str | None:
    """The Python version when the package is Python itself, None when pip brings what it is."""
    name = re.split(r"[\s=<>~!]", text.strip().lower(), maxsplit=1)[0].rpartition("::")[2]
    if name in INSTALLERS:
        return None
    found = PYTHON.fullmatch(text.strip().lower())
    if name != "python" or found is None:
        raise InvalidPackages(f"the conda package '{text}' cannot be installed by the emulator: list it under 'pip'")
    return found["version"]
