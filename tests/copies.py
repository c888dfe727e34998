"""A copy of this checkout: what git knows or would add, with the same Python packages."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.throwaway import files_of
from tools.versions import ROOT


def copy_checkout(folder: Path) -> Path:
    """Copies the files as they are on the disk, times included, and gives the folder back."""
    for name in files_of(ROOT):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    folder.joinpath(".venv").symlink_to(ROOT / ".venv")
    return folder
