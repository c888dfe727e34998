"""Checkov in an environment of its own, which `checkov.lock.txt` pins; nothing of it is in `.venv`.

A new version: write it into a file as `checkov==…`, then
`uv pip compile --universal --generate-hashes --only-binary :all: --no-header --no-annotate --python-version 3.11`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.cache import cache_folder, make_once
from tools.versions import ROOT
from tools.virtualenv import uv_variables

LOCK = Path(__file__).with_name("checkov.lock.txt")
UV = ROOT / ".venv" / "bin" / "uv"
SECONDS = 300


@dataclass(frozen=True)
class Failed:
    """One check that a resource of a template fails."""

    stack: str
    check: str
    resource: str
    """As Checkov says it: `Microsoft.Storage/storageAccounts.stmlops`."""
    title: str

    def __str__(self) -> str:
        return f"{self.stack}: {self.resource} fails {self.check}: {self.title}"


def environment() -> Path:
    """The folder with Checkov in it; made once on a machine, and again when the lock changes."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"checkov-{digest}"
    make_once(folder, _install)
    return folder


def _install(folder: Path) -> None:
    variables = {**os.environ, **uv_variables()}
    variables.pop("VIRTUAL_ENV", None)
    python = folder / "bin" / "python"
    for words in (
        ["venv", "--quiet", "--relocatable", "--allow-existing", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--python", str(python), "--no-deps", "--require-hashes", "-r", str(LOCK)],
    ):
        subprocess.run([UV, *words], env=variables, check=True, timeout=SECONDS)


def scan(templates: Mapping[str, Mapping[str, Any]], folder: Path) -> tuple[list[Failed], int]:
    """What fails in the templates, by the name of their stack, and how many checks passed. Asks nobody outside."""
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template))
    words = [
        "--skip-download",
        "--framework",
        "arm",
        "--directory",
        str(folder),
        "--output",
        "json",
        "--quiet",
        "--compact",
    ]
    done = subprocess.run(
        [environment() / "bin" / "python", "-m", "checkov.main", *words],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LOG_LEVEL": "ERROR",
            "HTTPS_PROXY": "http://127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise AssertionError(f"checkov ended with {done.returncode}: {done.stderr[-2000:]}")
    said = json.loads(done.stdout)
    if said["summary"]["parsing_errors"]:
        raise AssertionError(f"checkov cannot read {said['results']['parsing_errors']}")
    failed = [
        Failed(
            stack=Path(one["file_path"]).stem,
            check=one["check_id"],
            resource=one["resource"],
            title=one["check_name"],
        )
        for one in said["results"]["failed_checks"]
    ]
    return failed, int(said["summary"]["passed"])
