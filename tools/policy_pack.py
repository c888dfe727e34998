"""The policy pack's own virtual environment, made from `policies/uv.lock` when something needs it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tools.machine.locks import file_lock
from tools.progress import Progress, run
from tools.versions import ROOT
from tools.virtualenv import find_or_make_uv, uv_variables

PACK = ROOT / "policies"
VIRTUALENV = ROOT / ".venv-policies"
"""Beside the program's: pulumi-policy wants an older protobuf. `policies/PulumiPolicy.yaml` names it too."""
STAMP = VIRTUALENV / "set-up"
SOURCES = (PACK / "uv.lock", PACK / "pyproject.toml")


def python() -> Path:
    """The interpreter that runs the pack."""
    return VIRTUALENV / "bin" / "python"


def _fingerprint() -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in SOURCES)).hexdigest()


def is_current() -> bool:
    """Whether the environment was made from the present lock file."""
    return python().exists() and STAMP.exists() and STAMP.read_text().strip() == _fingerprint()


def prepare(progress: Progress) -> None:
    """Makes the environment hold what `policies/uv.lock` says; done at once when it does.

    Raises:
        SetupError: uv failed; the message ends with its last lines.
    """
    if is_current():
        return
    uv = find_or_make_uv(progress)
    with file_lock(
        ROOT / ".pulumi-home" / "policies.lock", lambda: progress.say("another set-up makes .venv-policies; waiting")
    ):
        if is_current():
            return
        environment = {**os.environ, **uv_variables(), "UV_PROJECT_ENVIRONMENT": str(VIRTUALENV)}
        environment.pop("VIRTUAL_ENV", None)
        with progress.step("Policy pack (.venv-policies)") as step:
            run([str(uv), "sync", "--frozen", "--project", str(PACK)], step, cwd=PACK, env=environment)
        STAMP.write_text(_fingerprint() + "\n")
