"""uv, and the virtual environment `.venv` that it makes from `uv.lock`."""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

from tools import localhost_names
from tools.cache import cache_folder, make_once
from tools.machine.locks import file_lock
from tools.progress import Progress, SetupError, Step, run
from tools.versions import ROOT, UV, at_least

VIRTUALENV = ROOT / ".venv"
STAMP = VIRTUALENV / "set-up"


def _fingerprint() -> str:
    sources = (ROOT / "uv.lock", ROOT / "pyproject.toml", Path(localhost_names.__file__))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sources)).hexdigest()


def is_current() -> bool:
    """Whether `.venv` was made from the present uv.lock and pyproject.toml and its Python still runs."""
    if not (VIRTUALENV / "bin" / "python").exists():
        return False
    return STAMP.exists() and STAMP.read_text().strip() == _fingerprint()


def _on_path() -> Path | None:
    found = shutil.which("uv")
    if not found or VIRTUALENV in Path(found).parents:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return Path(found) if said.startswith("uv ") and at_least(said, UV) else None


def _install_uv(folder: Path, step: Step) -> None:
    maker = folder / "maker"
    try:
        run([sys.executable, "-m", "venv", str(maker)], step)
    except SetupError as error:
        hint = "on Debian and Ubuntu: apt install python3-venv; or put uv on PATH (https://docs.astral.sh/uv/)"
        raise SetupError(f"{error}\nPython's own venv does not work here; {hint}") from None
    python = str(maker / "bin" / "python")
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", f"uv=={UV}"], step)
    shutil.move(maker / "bin" / "uv", folder / "uv")
    shutil.rmtree(maker)


def find_or_make_uv(progress: Progress) -> Path:
    """uv on PATH when it is new enough, else the pinned one in the cache folder."""
    found = _on_path()
    if found:
        return found
    folder = cache_folder() / f"uv-{UV}"
    if not folder.is_dir():
        with progress.step(f"uv {UV}") as step:
            make_once(
                folder, lambda new: _install_uv(new, step), lambda: progress.say("another set-up makes uv; waiting")
            )
    return folder / "uv"


def _describe(line: str) -> str | None:
    text = line.strip()
    return (
        text[:100]
        if text.startswith(("Downloading", "Downloaded", "Prepared", "Installed", "Building", "Built"))
        else None
    )


def uv_variables() -> dict[str, str]:
    """What uv is told here and in jobs: our cache folder, and the system's certificates where it has any.

    What the person has set already stays.
    """
    paths = ssl.get_default_verify_paths()
    values = {"UV_CACHE_DIR": str(cache_folder() / "uv")}
    if paths.cafile or (paths.capath and any(os.scandir(paths.capath))):
        values["UV_SYSTEM_CERTS"] = "true"
    return {name: os.environ.get(name, value) for name, value in values.items()}


def _install_packages(uv: Path, step: Step) -> None:
    make = [str(uv), "venv", "--relocatable", "--allow-existing", "--project", str(ROOT), str(VIRTUALENV)]
    sync = [str(uv), "sync", "--frozen", "--project", str(ROOT)]
    environment = {**os.environ, **uv_variables()}
    environment.pop("VIRTUAL_ENV", None)
    try:
        if not (VIRTUALENV / "pyvenv.cfg").exists():
            run(make, step, cwd=ROOT, env=environment)  # its scripts go on working when the checkout is moved
        run(sync, step, _describe, cwd=ROOT, env=environment)
    except SetupError as error:
        where = "UV_DEFAULT_INDEX names another package index, HTTPS_PROXY a proxy, SSL_CERT_FILE its certificates"
        raise SetupError(f"{error}\nIf the network is in the way: {where}.") from None


def sync(progress: Progress) -> None:
    """Makes `.venv` hold exactly what `uv.lock` says, with `uv` itself and the `*.localhost` names in it.

    Raises:
        SetupError: uv failed; the message ends with its last lines.
    """
    uv = find_or_make_uv(progress)
    with file_lock(
        ROOT / ".pulumi-home" / "packages.lock", lambda: progress.say("another set-up fills .venv; waiting for it")
    ):
        if is_current():
            return
        with progress.step("Python packages (.venv)") as step:
            _install_packages(uv, step)
        link = VIRTUALENV / "bin" / "uv"
        link.unlink(missing_ok=True)
        link.symlink_to(uv)
        localhost_names.install(VIRTUALENV)
        STAMP.write_text(_fingerprint() + "\n")
