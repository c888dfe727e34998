"""Virtual environments of jobs: built once for each set of packages, shared by all jobs that ask for the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator.machine_learning.jobs.runner.own_environment import bundled, unpack
from tools.machine.locks import file_lock

HEARTBEAT_SECONDS = 10.0
WAITING = "another job is making this environment: waiting for it"
Report = Callable[[str], None]


class EnvironmentFailure(Exception):
    """The packages could not be installed; the installer's own words are in the build log."""


def ensure_environment(specification: Mapping[str, Any], log: Path, report: Report) -> Path:
    """The folder of the virtual environment, built now when it is not there yet.

    Args:
        specification: `folder` to be, `uv`, `python` (a version or a path), `requirements` (the text of a
            requirements file), `hashed`, and `modules`: files to put into it by name.
        log: where the installer writes.

    Raises:
        EnvironmentFailure: the installer failed.
    """
    folder = Path(specification["folder"])
    if folder.exists():
        report(f"environment {folder.name} is ready")
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(folder.with_suffix(".lock"), lambda: report(WAITING)):
        if not folder.exists():
            build(specification, folder, log, report)
    return folder


def build(specification: Mapping[str, Any], folder: Path, log: Path, report: Report) -> None:
    """Builds beside the final place and moves it there, so that an environment is whole or absent."""
    began = time.monotonic()
    temporary = folder.with_suffix(".building")
    shutil.rmtree(temporary, ignore_errors=True)
    uv, python = specification["uv"], specification["python"]
    report(f"making environment {folder.name} with Python {python}")
    run([uv, "venv", "--quiet", "--relocatable", "--no-project", "--python", python, str(temporary)], log, report)
    add_installers(uv, temporary, log, report)
    if specification["requirements"]:
        requirements = temporary / "requirements.txt"
        requirements.write_text(specification["requirements"])
        hashes = ["--require-hashes"] if specification["hashed"] else []
        where = ["--python", str(temporary / "bin" / "python"), "--requirement", str(requirements)]
        run([uv, "pip", "install", *hashes, *where], log, report)
    for packages in temporary.glob("lib/python*/site-packages"):
        for name, content in specification["modules"].items():
            (packages / name).write_text(content)
    os.replace(temporary, folder)
    report(f"environment {folder.name} made in {time.monotonic() - began:.1f} s")


def add_installers(uv: str, environment: Path, log: Path, report: Report) -> None:
    """Gives an environment pip and, before Python 3.12, setuptools, as environments on Azure have them; without a
    network where Python brings its own. Older packages import `pkg_resources` and ask for nothing.
    """
    python = environment / "bin" / "python"
    minor = next(int(folder.name.partition(".")[2]) for folder in environment.glob("lib/python3.*"))
    for name in ("pip", "setuptools") if minor < 12 else ("pip",):
        if wheel := bundled(python, name):
            unpack(wheel, environment)
        elif name == "pip":
            try:
                run([uv, "pip", "install", "--python", str(python), name], log, report)
            except EnvironmentFailure as error:
                report(f"this environment has no pip: {error}")


def run(command: list[str], log: Path, report: Report) -> None:
    """Runs the installer outside every project, so that none configures it, with a line now and then."""
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    began, due = time.monotonic(), HEARTBEAT_SECONDS
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd="/"
        )
    while True:
        try:
            code = process.wait(timeout=max(0.1, began + due - time.monotonic()))
            break
        except subprocess.TimeoutExpired:
            report(f"still installing packages ({time.monotonic() - began:.0f} s)")
            due += HEARTBEAT_SECONDS
    if code != 0:
        raise EnvironmentFailure(
            f"{' '.join(Path(command[0]).name.split() + command[1:3])} failed with exit code {code}"
        )
