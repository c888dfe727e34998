"""Which engine runs images here: podman or docker where one works, else a sandbox, else plain processes."""

from __future__ import annotations

from pathlib import Path

from emulator.containers.command_engine import CommandEngine
from emulator.containers.engine import Engine
from emulator.containers.process_engine import ProcessEngine
from emulator.containers.sandbox_engine import SandboxEngine

AUTO = "auto"
PROCESS = "process"


def choose(wanted: str, state: Path) -> tuple[Engine, str]:
    """The engine and why it was chosen.

    Args:
        wanted: `auto`, or an engine's name, which then must work.

    Raises:
        RuntimeError: the engine asked for does not work here, or there is none of that name.
    """
    candidates = (CommandEngine("podman", state), CommandEngine("docker", state), SandboxEngine())
    names = [AUTO, *(one.name for one in candidates), PROCESS]
    if wanted not in names:
        raise RuntimeError(f"container_runtime is '{wanted}' in settings.json; it must be one of {', '.join(names)}")
    if wanted == PROCESS:
        return ProcessEngine(), "settings.json says so"
    troubles: list[str] = []
    for engine in candidates:
        if wanted in (AUTO, engine.name):
            trouble = engine.trouble()
            if not trouble:
                return engine, "; ".join(
                    [*troubles, f"{engine.name} works" if wanted == AUTO else "settings.json says so"]
                )
            troubles.append(trouble)
    if wanted != AUTO:
        raise RuntimeError(f"container_runtime is '{wanted}' in settings.json, but {troubles[0]}")
    return ProcessEngine(), "; ".join(troubles)
