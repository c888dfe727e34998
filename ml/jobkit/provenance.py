"""Where a model comes from: data, code, packages and settings, written beside it. It is in no digest."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ml.jobkit.features import Specification

GENERATED = "generated.json"
"""The file by which a generator marks a folder of data it made."""
PACKAGES = ("numpy", "onnx", "onnxruntime", "pandas")
"""Beside those of the trainer."""


def sha256(path: Path) -> str:
    """Digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_source(folder: Path) -> str:
    """`real` or `generated`: what `MLOPS_DATA_SOURCE` says, else whether a generator left its mark in the folder."""
    given = os.environ.get("MLOPS_DATA_SOURCE")
    if given not in (None, "", "real", "generated"):
        raise JobError(f"MLOPS_DATA_SOURCE is {given!r}; it must be real or generated")
    return given or ("generated" if (folder / GENERATED).exists() else "real")


def commit() -> str | None:
    """The commit of the code: `MLOPS_GIT_COMMIT` as the job was given it, else that of the checkout, else None."""
    given = os.environ.get("MLOPS_GIT_COMMIT")
    if given:
        return given
    try:
        here = Path(__file__).parent
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def write(
    path: Path,
    specification: Specification,
    folder: Path,
    files: Iterable[str],
    artefacts: Iterable[Path],
    packages: Iterable[str],
    **settings: Mapping[str, Any],
) -> None:
    """Write `provenance.json` for a model trained on `files` of `folder`; `settings` are sections of the caller's."""
    held_out = specification.holdout
    document = {
        "system": specification.system,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "run": os.environ.get("MLFLOW_RUN_ID"),
        "data": {
            "source": data_source(folder),
            "version": os.environ.get("MLOPS_DATA_DIGEST"),
            "sha256": {name: sha256(folder / name) for name in files},
        },
        "features": {"sha256": specification.digest, "as_of": specification.as_of and specification.as_of.isoformat()},
        "holdout": held_out and {"salt": held_out.salt, "share": held_out.share},
        "artefacts": {artefact.name: sha256(artefact) for artefact in artefacts},
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in (*PACKAGES, *packages)},
        **settings,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
