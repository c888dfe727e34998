"""A job's own Python: an empty virtual environment on top of the shared one, so that `pip` changes that job only.

The shared environment's packages are seen through a `.pth` file; what the job installs comes first. Nothing is copied
but the programs in `bin`, which start the Python beside them: it costs milliseconds, and goes with the job's folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

PIP = '#!/bin/sh\nexec "$(dirname -- "$0")/python" -m pip "$@"\n'
BELOW = "_packages_of_the_environment.pth"
BUNDLED = "ensurepip/_bundled"
DEBIAN = Path("/usr/share/python-wheels")
"""Where Debian keeps what belongs into `ensurepip`."""


def make_own_environment(shared: Path, folder: Path) -> Path:
    """Makes `folder` an environment that has everything of `shared`; gives it."""
    shutil.rmtree(folder, ignore_errors=True)
    programs = folder / "bin"
    programs.mkdir(parents=True)
    shutil.copy(shared / "pyvenv.cfg", folder)
    for file in (shared / "bin").iterdir():
        if file.is_symlink():
            os.symlink(os.readlink(file), programs / file.name)
        elif os.access(file, os.X_OK):
            shutil.copy(file, programs)
    for packages in shared.glob("lib/python*/site-packages"):
        own = folder / packages.relative_to(shared)
        own.mkdir(parents=True)
        # `addsitedir` reads the `.pth` files there too; a plain path would not.
        (own / BELOW).write_text(f"import site; site.addsitedir({str(packages)!r})\n")
    for name in ("pip", "pip3"):
        (programs / name).write_text(PIP)
        (programs / name).chmod(0o755)
    return folder


def bundled(python: Path, name: str) -> Path | None:
    """The wheel of `pip` or `setuptools` that a Python brings with it, None where its packager left it out."""
    question = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    said = subprocess.run([str(python), "-I", "-c", question], capture_output=True, text=True, check=True)
    form = f"{name}-*.whl"
    found = [*(Path(said.stdout.strip()) / BUNDLED).glob(form), *DEBIAN.glob(form)]
    return found[0] if found else None


def unpack(wheel: Path, environment: Path) -> None:
    """Puts a wheel into an environment: it is pure Python, and what would be installed."""
    for packages in environment.glob("lib/python*/site-packages"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
