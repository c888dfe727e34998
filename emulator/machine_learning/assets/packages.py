"""The packages of an environment: a conda file's Python version, its packages and its pip section, all for pip."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import yaml

from emulator.machine_learning.assets import conda

PYTHON = re.compile(r"python\s*(?P<sign>=|==|>=|~=)?\s*(?P<version>\d+\.\d+)?(?:\.[\d*]+)?")
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
        InvalidPackages: it is no conda file, or lists conda packages that pip does not have under a known name.
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
        elif (version := python_version(str(entry))) is not None:
            python = version or python
        elif line := conda_package(str(entry)):
            requirements.append(line)
    return Packages(python, tuple(requirements))


def pip_section(entry: dict[str, Any]) -> list[str]:
    """The lines of a `pip:` entry."""
    lines = entry.get("pip")
    if set(entry) != {"pip"} or not isinstance(lines, list):
        raise InvalidPackages(f"{entry!r} is not understood: the one mapping allowed is 'pip' with a list")
    return [str(line) for line in lines]


def python_version(text: str) -> str | None:
    """The version when a package is Python itself, such as `3.11`; empty for any, None for another package."""
    name = re.split(r"[\s=<>~!]", text.strip().lower(), maxsplit=1)[0].rpartition("::")[2]
    if name != "python":
        return None
    found = PYTHON.fullmatch(text.strip().lower().rpartition("::")[2])
    if found is None:
        raise InvalidPackages(f"'{text}' is no version of Python that is understood: write it as python=3.11")
    version = found["version"] or ""
    at_least = [int(part) for part in version.split(".")] if version and found["sign"] == ">=" else None
    return "" if at_least and at_least <= list(sys.version_info[:2]) else version


def conda_package(text: str) -> str | None:
    """A conda package as a line for pip, None when pip brings what it is."""
    name = re.split(r"[\s=<>~!]", text.strip().lower(), maxsplit=1)[0].rpartition("::")[2]
    if name in INSTALLERS:
        return None
    try:
        return conda.requirement(text)
    except LookupError as error:
        raise InvalidPackages(str(error)) from None
