"""Folders for what lives no longer than a process: in the checkout, named by the process, removed when it is gone.

A process that is killed cannot tidy up, and what it leaves must not fill the system's temporary folder.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil

from tools.shell import HOME

FOLDER = HOME / "tmp"
"""The launcher of dynamic resources (`tools/bin`) names it too."""


def own_folder(folder: Path = FOLDER) -> Path:
    """The folder of this process."""
    own = folder / str(os.getpid())
    own.mkdir(parents=True, exist_ok=True)
    return own


def tidy(folder: Path = FOLDER) -> None:
    """Removes the folders of processes that are gone."""
    for left in folder.glob("*"):
        if not (left.name.isdigit() and psutil.pid_exists(int(left.name))):
            shutil.rmtree(left, ignore_errors=True)
