"""The one folder outside the checkout that set-up writes to, shared by every clone and safe against a kill."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tools.machine.locks import file_lock


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/azure-mlops`, or `~/.cache/azure-mlops`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "azure-mlops"


def make_once(folder: Path, make: Callable[[Path], None], waiting: Callable[[], None] = lambda: None) -> bool:
    """Has `make` fill a temporary folder and renames it to `folder`, so that a killed build leaves nothing half made.

    Returns whether it had to be made; another process may have done so in the meantime.
    """
    if folder.is_dir():
        return False
    with file_lock(folder.with_name(f"{folder.name}.lock"), waiting):
        if folder.is_dir():
            return False
        temporary = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        make(temporary)
        temporary.rename(folder)
        return True
