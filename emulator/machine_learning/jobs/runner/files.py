"""The files through which runner and emulator tell each other what happened; each is written whole or not at all."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

SPECIFICATION = "specification.json"
TRACKING = "tracking.json"
STATE = "state.json"
EXIT = "exit.json"
PROCESS = "process.json"
LOCK = "lock"
BUILD_LOG = "azureml-logs/20_image_build_log.txt"
USER_LOG = "user_logs/std_log.txt"


def write_json(file: Path, value: dict[str, Any]) -> None:
    """Writes a file that a reader sees whole, readable only by its owner, on disk when this returns."""
    temporary = file.with_name(f".{file.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        json.dump(value, output)
        output.flush()
        os.fsync(output.fileno())
    os.replace(temporary, file)


def read_json(file: Path) -> dict[str, Any] | None:
    """What `write_json` wrote, None when nothing was written yet."""
    try:
        value: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    return value


def write_state(job: Path, phase: str) -> None:
    """Records the phase the job is in, with the time it began."""
    write_json(job / STATE, {"phase": phase, "since": time.time()})


def append(file: Path, text: str) -> None:
    """Adds a line to a log."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as log:
        log.write(text.rstrip("\n") + "\n")
