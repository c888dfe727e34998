"""What set-up says before it makes anything: what is missing and why, how long that takes here, how to do without."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from tools.engine import find
from tools.images.find import Program

# Of one processor, measured on two: compiling spreads over all there are, fetching and linking do not.
ENGINE_MINUTES = (1.0, 10.0, 16.0)
PROGRAM_MINUTES = (0.5, 3.0, 5.0)
INSTALL = "https://www.pulumi.com/docs/install/"


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def expected(minutes: tuple[float, float, float], count: int) -> str:
    """`6 to 9 minutes on these 2 processors`: what does not spread, then the least and the most that does."""
    alone, least, most = minutes
    low, high = (max(1, round(alone + spread / count)) for spread in (least, most))
    span = f"{low} to {high} minutes" if low < high else f"{low} minute{'' if low == 1 else 's'}"
    return f"{span} on {'this processor' if count == 1 else f'these {count} processors'}"


def go_found() -> str:
    """`Go 1.26.8`; "" when there is none."""
    if not shutil.which("go"):
        return ""
    said = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, cwd="/", check=False)
    return f"Go {said.stdout.strip().removeprefix('go')}"


def engine(count: int, go: str) -> Iterator[str]:
    """Why the engine is made, how, and how to avoid it."""
    wanted = find.wanted_version()
    for line in [find.examined(executable) for executable in find.on_path()] or ["there is no `pulumi` on PATH"]:
        yield f"    why: {line}"
    built = f"built with {go} in {expected(ENGINE_MINUTES, count)}" if go else "not at all: there is no Go to build it"
    yield f"    how: downloaded in about 1 minute; where Pulumi's releases cannot be reached, {built}"
    yield "    disk: 120 MB; 3 GB more while it is built"
    yield f"    to avoid it: put a `pulumi` of at least {wanted} with its Python plugin on PATH ({INSTALL})"


def images(programs: Sequence[Program], count: int, go: str) -> Iterator[str]:
    """Why the registry's programs are built, how, and how to avoid it."""
    named = ", ".join(f"`{program.installed[0]}` of at least {program.oldest}" for program in programs)
    yield f"    why: no {named} on PATH"
    yield f"    how: built with {go or 'Go, which is missing'} in {expected(PROGRAM_MINUTES, count)}"
    yield "    disk: 70 MB; 2 GB more while they are built"
    yield "    to avoid it: install them from your distribution, where it has them"


def lines(packages: bool, make_engine: bool, programs: Sequence[Program]) -> Iterator[str]:
    """Everything that will be made."""
    count, go = processors(), go_found()
    yield "Set-up makes what is missing (once; later runs skip it):"
    if packages:
        yield "  .venv from uv.lock: about 2 minutes, 3 GB"
    if make_engine:
        yield f"  Pulumi engine {find.wanted_version()}"
        yield from engine(count, go)
    if programs:
        yield f"  {' and '.join(f'{program.name} {program.version}' for program in programs)}"
        yield from images(programs, count, go)
