"""The versions this project pins, and how two of them compare."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = "0.13.9"


def parse(text: str) -> tuple[int, ...]:
    """The numbers of a version: `v3.259.0` -> (3, 259, 0). What follows a `-` or `+` does not count.

    Raises:
        ValueError: there is no version in the text.
    """
    found = re.search(r"\d+(?:\.\d+)*", text)
    if not found:
        raise ValueError(f"'{text.strip()}' holds no version number")
    return tuple(int(part) for part in found.group().split("."))


def at_least(have: str, want: str) -> bool:
    """Whether `have` is the same as or newer than `want`; missing parts count as 0."""
    left, right = parse(have), parse(want)
    width = max(len(left), len(right))
    return left + (0,) * (width - len(left)) >= right + (0,) * (width - len(right))


def pinned(package: str, root: Path = ROOT) -> str:
    """The version that pyproject.toml pins for a package.

    Raises:
        LookupError: the package is not pinned with `==`.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"]:
        name, _, version = line.partition("==")
        if name == package and version:
            return str(version)
    raise LookupError(f"pyproject.toml pins no '{package}=='")
