"""A copy of this checkout: what git knows or would add, with the same Python packages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tools.versions import ROOT


def copy_checkout(folder: Path) -> Path:
    """Copies the files as they are on the disk, times included, and gives the folder back."""
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in files.stdout.splitlines():
        if ROOT.joinpath(name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    folder.joinpath(".venv").symlink_to(ROOT / ".venv")
    return folder
