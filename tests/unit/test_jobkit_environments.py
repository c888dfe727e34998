"""The packages of a job are exactly those that uv.lock pins for its group."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path("ml/environments")
NAMES = sorted(path.name.removesuffix(".lock.txt") for path in FOLDER.glob("*.lock.txt"))


@pytest.fixture(scope="module")
def uv() -> str:
    found = os.environ.get("UV") or shutil.which("uv") or shutil.which(".venv/bin/uv")
    if not found:
        pytest.skip("no uv on PATH or in $UV: the lock files cannot be compared with a fresh export")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_file_is_a_fresh_export(uv: str, name: str) -> None:
    options = ["--frozen", "--only-group", name, "--no-emit-project", "--format", "requirements-txt"]
    fresh = subprocess.run([uv, "export", "--quiet", *options], capture_output=True, text=True, check=False)
    assert fresh.returncode == 0, fresh.stderr
    committed = FOLDER.joinpath(f"{name}.lock.txt").read_text()
    assert body(committed) == body(fresh.stdout), "export it again: ml/environments/README.md"
    assert " ".join(options) in committed.splitlines()[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_pinned_with_its_hashes_and_no_registry_is_named(name: str) -> None:
    text = FOLDER.joinpath(f"{name}.lock.txt").read_text()
    packages = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert "://" not in text
    assert "index-url" not in text


def body(text: str) -> list[str]:
    """Without the two lines of the header, which quote the command as it was typed."""
    return text.splitlines()[2:]
