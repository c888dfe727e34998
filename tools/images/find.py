"""Where the registry server and `crane` are: what set-up built into the cache folder, else what PATH has."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.cache import cache_folder
from tools.versions import at_least

MODULES = Path(__file__).with_name("go.mod")


@dataclass(frozen=True)
class Program:
    """One program.

    `package` is its Go package, `module` the line of go.mod that pins its version, `installed` the names a system's own
    package may give it, and `oldest` the oldest version of those that will do.
    """

    name: str
    package: str
    module: str
    installed: tuple[str, ...]
    oldest: str
    version_arguments: tuple[str, ...]

    @property
    def version(self) -> str:
        """The version that go.mod pins."""
        found = re.search(rf"{re.escape(self.module)} v(\S+)", MODULES.read_text())
        if found is None:
            raise LookupError(f"{MODULES} pins no {self.module}: restore the file")
        return found.group(1)

    @property
    def folder(self) -> Path:
        """Where set-up keeps it."""
        return cache_folder() / f"{self.name}-{self.version}"


REGISTRY = Program(
    name="registry",
    package="github.com/distribution/distribution/v3/cmd/registry",
    module="github.com/distribution/distribution/v3",
    installed=("docker-registry",),
    oldest="2.8.0",
    version_arguments=("--version",),
)
"""The CNCF registry; Debian and Ubuntu call it docker-registry."""

CRANE = Program(
    name="crane",
    package="github.com/google/go-containerregistry/cmd/crane",
    module="github.com/google/go-containerregistry",
    installed=("crane",),
    oldest="0.20.0",
    version_arguments=("version",),
)
"""Copies images between registries and looks into them."""

PROGRAMS = (REGISTRY, CRANE)


def find(program: Program) -> Path | None:
    """The executable; None when set-up has to build it."""
    built = program.folder / program.name
    if built.is_file():
        return built
    found = (shutil.which(name) for name in program.installed)
    return next((Path(path) for path in found if path and new_enough(path, program)), None)


def new_enough(path: str, program: Program) -> bool:
    """Whether an installed program runs and is not too old."""
    try:
        said = subprocess.run(
            [path, *program.version_arguments], capture_output=True, text=True, timeout=10, check=True
        ).stdout
        return at_least(said.split()[-1], program.oldest)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return False


def require(program: Program) -> Path:
    """The executable.

    Raises:
        FileNotFoundError: it is neither installed nor built.
    """
    found = find(program)
    if found is None:
        raise FileNotFoundError(f"the program '{program.name}' is missing: `python3 tools/bootstrap.py` makes it")
    return found


def missing() -> list[Program]:
    """What set-up has to build."""
    return [program for program in PROGRAMS if find(program) is None]
