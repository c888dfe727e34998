"""Virtual environments of jobs: what an environment version asks for, and where it is kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from emulator.interpreters import find_interpreter
from emulator.machine_learning.assets.packages import InvalidPackages, Packages, read_packages
from emulator.machine_learning.jobs.inputs import JobFailure
from emulator.store import Document
from tools.localhost_names import FILES

LAYOUT = 3
"""Raised when environments are built in another way, so that old ones are not taken for new ones."""


def cache_folder() -> Path:
    """`${XDG_CACHE_HOME:-~/.cache}/azure-mlops/job-environments`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "azure-mlops" / "job-environments"


def find_uv() -> str:
    """The installer: `$EMULATOR_UV`, else `uv` on PATH, else the one that set-up made.

    Raises:
        JobFailure: there is none.
    """
    given = os.environ.get("EMULATOR_UV") or shutil.which("uv")
    if given:
        return given
    folder = cache_folder().parent
    for pattern in ("uv-*/uv", "boot/bin/uv"):
        for found in sorted(folder.glob(pattern), reverse=True):
            return str(found)
    raise JobFailure("uv, which installs the packages of jobs, was not found: `make up` brings it, or put it on PATH.")


def packages_of(environment: Document | None) -> Packages:
    """What an environment version asks for; an image alone is a plain interpreter.

    Raises:
        JobFailure: it needs what only a docker engine can build.
    """
    if environment is None:
        return Packages()
    properties = environment.properties
    if properties.get("build"):
        message = (
            "has a build context, which needs a docker engine: give it an image and a conda file with a pip section"
        )
        raise JobFailure(f"The environment '{environment.resource.names[-2]}' {message}.")
    if not properties.get("condaFile"):
        return Packages()
    try:
        return read_packages(properties["condaFile"])
    except InvalidPackages as error:
        raise JobFailure(
            f"The conda file of environment '{environment.resource.names[-2]}' is invalid: {error}."
        ) from None


def hint(environment: Document) -> str:
    """What a person should know of an environment that is an image alone; empty for any other."""
    properties = environment.properties
    if properties.get("condaFile") or properties.get("build"):
        return ""
    return (
        f"Images of jobs are not pulled: in place of '{properties.get('image')}' the command has this machine's Python "
        f"{sys.version_info.major}.{sys.version_info.minor} with no packages; give the environment a conda file."
    )


def build_plan(packages: Packages) -> dict[str, Any]:
    """What the runner needs to build or find the virtual environment.

    Raises:
        JobFailure: the Python that it asks for is not installed.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        other = None if packages.python in (None, own) else find_interpreter(str(packages.python))
    except LookupError as error:
        raise JobFailure(f"The environment cannot be made: {error}.") from None
    python = str(other.executable) if other else sys_python()
    version = other.version if other else sys.version
    content: list[Any] = [LAYOUT, python, version, packages.requirements, FILES]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    return {
        "folder": str(cache_folder() / digest),
        "uv": find_uv(),
        "python": python,
        "requirements": "".join(f"{line}\n" for line in packages.requirements),
        "hashed": packages.hashed,
        "modules": FILES,
    }


def sys_python() -> str:
    """The interpreter below the emulator's own virtual environment."""
    return str(getattr(sys, "_base_executable", sys.executable))
