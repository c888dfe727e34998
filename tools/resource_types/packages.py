"""Finds the pinned packages the table is made from: installed ones where they are, others in the cache folder."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

from tools.cache import cache_folder, make_once
from tools.progress import Progress, run
from tools.virtualenv import find_or_make_uv


def package_folder(distribution: str, version: str) -> Path:
    """The folder that holds a distribution's modules, fetched into the cache unless it is installed.

    Raises:
        SetupError: the package could not be fetched.
    """
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
    progress = Progress()
    uv = find_or_make_uv(progress)
    environment = {**os.environ}
    environment.setdefault("UV_CACHE_DIR", str(cache_folder() / "uv"))
    with progress.step(requirement) as step:
        run([str(uv), "pip", "install", "--no-deps", "--target", str(folder), requirement], step, env=environment)
