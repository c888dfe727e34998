"""Builds the registry server and `crane` from Go modules; `go.mod` and `go.sum` beside this file pin every module."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tools.cache import cache_folder, make_once
from tools.engine.build import go_environment
from tools.images.find import MODULES, Program
from tools.machine.locks import file_lock
from tools.progress import Progress, SetupError, Step, run
from tools.versions import at_least

OTHERWISE = "or put `docker-registry` (a Debian package) and `crane` on PATH, and run this again"


def needed_go() -> str:
    """The oldest Go that builds the pinned modules."""
    found = re.search(r"^go (\S+)$", MODULES.read_text(), re.MULTILINE)
    if found is None:
        raise SetupError(f"{MODULES} names no Go version: restore the file")
    return found.group(1)


def check_go() -> None:
    """Sees to it that Go is there and new enough.

    Raises:
        SetupError: it is missing or too old.
    """
    needed, where = needed_go(), f"see https://go.dev/dl, {OTHERWISE}"
    if not shutil.which("go"):
        raise SetupError(f"Go {needed} or newer is needed to build the container registry: {where}")
    said = subprocess.run(
        ["go", "env", "GOVERSION", "GOTOOLCHAIN"], capture_output=True, text=True, cwd="/", check=False
    ).stdout
    have, _, toolchain = said.strip().partition("\n")
    if not at_least(have or "0", needed) and (toolchain == "local" or not at_least(have or "0", "1.21")):
        raise SetupError(f"Go {needed} or newer is needed, this is {have or 'broken'}: {where}")


def compile_program(program: Program, folder: Path, step: Step) -> None:
    """Puts one program into `folder`."""
    nice = ["nice"] if shutil.which("nice") else []
    counts = {"downloaded": 0, "compiled": 0}

    def describe(line: str) -> str:
        counts["downloaded" if line.startswith("go: downloading") else "compiled"] += 1
        return f"{counts['downloaded']} modules downloaded, {counts['compiled']} packages compiled"

    target = str(folder / program.name)
    command = ["go", "build", "-v", "-trimpath", "-ldflags", "-s -w", "-o", target, program.package]
    run([*nice, *command], step, describe, cwd=MODULES.parent, env=go_environment(cache_folder() / "go"))


def build(programs: list[Program], progress: Progress) -> None:
    """Builds programs into the cache folder.

    Raises:
        SetupError: Go is missing or too old, modules cannot be fetched, or a build failed.
    """
    check_go()

    def waiting() -> None:
        progress.say("another Go build is running; waiting for it")

    with file_lock(cache_folder() / "go.lock", waiting):
        for program in programs:
            with progress.step(f"{program.name} {program.version}") as step:

                def make(folder: Path, program: Program = program, step: Step = step) -> None:
                    compile_program(program, folder, step)

                make_once(program.folder, make, waiting)
        shutil.rmtree(cache_folder() / "go", ignore_errors=True)
