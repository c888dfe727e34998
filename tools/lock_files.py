"""Chooses package versions anew: `uv.lock`, and with it the packages of jobs and scoring images."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.progress import SetupError
from tools.versions import ROOT

UV = ROOT / ".venv" / "bin" / "uv"
ENVIRONMENTS = ROOT / "ml" / "environments"
POLICIES = ROOT / "policies"


def _uv(*words: str) -> str:
    done = subprocess.run([UV, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"`uv {' '.join(words)}` failed:\n{done.stderr.strip()}")
    return done.stdout


def lock(*, upgrade: bool) -> Iterator[str]:
    """Locks the project and its policy pack, and exports the packages of jobs again; says what changed.

    Args:
        upgrade: takes the newest versions that `pyproject.toml` allows; else only what it newly asks for changes.

    Raises:
        SetupError: there are no such versions, or the registry cannot be reached.
    """
    words = ["lock", *(["--upgrade"] if upgrade else [])]
    for folder in (ROOT, POLICIES):
        before = folder.joinpath("uv.lock").read_bytes()
        _uv(*words, "--project", str(folder))
        if folder.joinpath("uv.lock").read_bytes() != before:
            yield f"{folder.joinpath('uv.lock').relative_to(ROOT)}: changed"
    for file in sorted(ENVIRONMENTS.glob("*.lock.txt")):
        if export(file):
            yield f"{file.relative_to(ROOT)}: changed, and with it every job or image that has these packages"


def export(file: Path) -> bool:
    """Writes the packages of one kind of job as uv.lock has them now; whether that changed anything."""
    group = file.name.removesuffix(".lock.txt")
    words = ("--frozen", "--only-group", group, "--no-emit-project", "--format", "requirements-txt")
    text = _uv("export", *words)
    changed = file.read_text() != text
    file.write_text(text)
    return changed
