"""The packages of an image: installed into a folder on this machine, with every hash checked, once for each lock file.

So an image needs nothing but COPY, and the same lock file gives the same bytes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml.identity.environment import PYTHON, requirements
from ml.progress import Failure, note

PLATFORM = "x86_64-manylinux_2_28"
"""What Debian 12, and so the base image, can load."""
TARGET = "/opt/env"
INSTALL_SECONDS = 900
COMPILE_SECONDS = 300


def packages_folder(name: str, digest: str) -> Path:
    """A folder with the packages of environment `name`, made when it is not in the cache.

    Args:
        digest: identifies the packages; the folder is kept under it.

    Raises:
        Failure: the packages cannot be installed; the message ends with what the installer said.
    """
    folder = cache_folder() / "image-packages" / digest
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            temporary = folder.with_suffix(".new")
            shutil.rmtree(temporary, ignore_errors=True)
            install(name, temporary)
            compile_bytecode(temporary, TARGET)
            temporary.rename(folder)
    return folder


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/azure-mlops`, or `~/.cache/azure-mlops`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "azure-mlops"


def install(name: str, folder: Path) -> None:
    """Installs exactly what the lock file pins: wheels alone, for the image's platform and Python."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
        lock.write("\n".join(requirements(name)) + "\n")
        lock.flush()
        checks = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
        where = ["--target", str(folder), "--python-platform", PLATFORM, "--python-version", PYTHON]
        command = [find_uv(), "pip", "install", "--quiet", *checks, *where, "--requirement", lock.name]
        own = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "UV_NO_CONFIG": "1"}
        environment = {"UV_CACHE_DIR": str(cache_folder() / "uv"), **os.environ, **own}
        run(command, f"installing the packages of ml/environments/{name}.lock.txt", environment, INSTALL_SECONDS)
    (folder / ".lock").unlink(missing_ok=True)
    # Programs of packages name this machine's Python in their first line, and nothing in an image calls them.
    shutil.rmtree(folder / "bin", ignore_errors=True)


def compile_bytecode(folder: Path, target: str) -> None:
    """Compiles Python files for the image, so that a container that cannot write starts as fast as one that can.

    The byte code is never checked against its file, so it does not matter that all files of an image have one date.
    """
    python = find_python()
    if python is None:
        note(f"no Python {PYTHON} on this machine compiles for the image: its containers start a little slower")
        return
    words = ["-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command = [python, *words, "-s", str(folder), "-p", target, str(folder)]
    subprocess.run(command, capture_output=True, timeout=COMPILE_SECONDS, check=False)


def find_python() -> str | None:
    """A Python of the image's version; None when this machine has none."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sys.executable if own == PYTHON else shutil.which(f"python{PYTHON}")


def find_uv() -> str:
    """The installer: the one in the virtual environment, else on PATH.

    Raises:
        Failure: there is none.
    """
    own = Path(sys.prefix, "bin", "uv")
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise Failure("uv, which installs the packages of images, is missing: run `python3 tools/bootstrap.py`")
    return found


def run(command: list[str], what: str, environment: dict[str, str], seconds: int) -> None:
    """Runs a command quietly.

    Raises:
        Failure: it failed or took too long.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd="/", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{what} took more than {seconds / 60:.0f} minutes") from None
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise Failure(f"{what} failed:\n{tail}")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One process at a time; the system lets go when it ends."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
