"""The one folder outside the checkout that set-up writes to, shared by every clone and safe against a kill."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/azure-mlops`, or `~/.cache/azure-mlops`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "azure-mlops"


@contextmanager
def file_lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds an exclusive lock; the system lets go of it when the process ends, however it ends.

    `waiting` is called once when another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


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
