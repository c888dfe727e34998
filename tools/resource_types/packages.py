"""Finds the pinned packages the table is made from: installed ones where they are, others in the cache folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tools.cache import cache_folder, make_once


class PackageError(Exception):
    """A pinned package is not there and could not be fetched."""


def package_folder(distribution: str, version: str) -> Path:
    """The folder that holds a distribution's modules, fetched into the cache unless it is installed."""
    return _installed(distribution, version) or _cached(distribution, version)


def _installed(distribution: str, version: str) -> Path | None:
    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return None
    return Path(str(found.locate_file(""))) if found.version == version else None


def _cached(distribution: str, version: str) -> Path:
    folder = cache_folder() / "packages" / f"{distribution}-{version}"
    make_once(folder, lambda new: _fetch(f"{distribution}=={version}", new))
    return folder


def _fetch(requirement: str, folder: Path) -> None:
    print(f"fetching {requirement}", file=sys.stderr, flush=True)
    command = [_uv(), "pip", "install", "--quiet", "--no-deps", "--target", str(folder), requirement]
    result = subprocess.run(command, check=False, text=True, capture_output=True)
    if result.returncode:
        raise PackageError(f"cannot fetch {requirement}: {result.stderr.strip()}")


def _uv() -> str:
    bootstrapped = cache_folder() / "boot" / "bin" / "uv"
    found = shutil.which("uv") or (str(bootstrapped) if bootstrapped.exists() else None)
    if found is None:
        raise PackageError("uv is needed to fetch packages: run `make up` once, or install uv")
    return found
