"""Folders for what lives no longer than a process: in the checkout, named by the process, removed when it is gone.

A process that is killed cannot tidy up, and what it leaves must not fill the system's temporary folder.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
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


def stage_in_own_folder() -> None:
    """Whatever this process stages from now on lies in its own folder; it removes that itself when it is not killed."""
    own = own_folder()
    tempfile.tempdir = str(own)
    atexit.register(shutil.rmtree, own, ignore_errors=True)


def tidy(folder: Path = FOLDER) -> None:
    """Removes the folders of processes that are gone."""
    for left in folder.glob("*"):
        if not (left.name.isdigit() and psutil.pid_exists(int(left.name))):
            shutil.rmtree(left, ignore_errors=True)
