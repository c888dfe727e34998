"""Which Pulumi engine this checkout uses.

In this order: `pulumi` on PATH, when it is at least as new as the pinned SDK and has its Python language plugin; the
engine in the cache folder, which set-up downloads or builds. The answer is kept in `.pulumi-home/engine.json`.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.cache import cache_folder
from tools.versions import ROOT, at_least, pinned

LANGUAGE_PLUGIN = "pulumi-language-python"
RECORD = ROOT / ".pulumi-home" / "engine.json"


@dataclass(frozen=True)
class Engine:
    """An engine that can be used; `changed` is its file's time stamp when it was looked at."""

    folder: str
    version: str
    changed: int

    @property
    def path(self) -> Path:
        """The `pulumi` executable."""
        return Path(self.folder) / "pulumi"


def wanted_version() -> str:
    """The oldest engine that fits the pinned SDK, and the one that set-up makes."""
    return pinned("pulumi")


def cached_folder(version: str) -> Path:
    """Where set-up keeps the engine it made."""
    return cache_folder() / f"pulumi-{version}"


def version_of(executable: Path) -> str | None:
    """What `pulumi version` says, without the leading `v`; None when it does not run."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        said = subprocess.run(
            [executable, "version"], capture_output=True, text=True, timeout=60, env=environment, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip().removeprefix("v") or None


def look_at(executable: Path) -> Engine | None:
    """The engine at this path when it is complete and new enough."""
    found = examined(executable)
    return found if isinstance(found, Engine) else None


def examined(executable: Path) -> Engine | str:
    """The engine at this path, or why it does not serve: `/usr/bin/pulumi is 3.1.0, older than 3.259.0`."""
    real = executable.resolve()
    if not os.access(executable, os.X_OK):
        return f"{executable} cannot be run"
    if not any(os.access(folder / LANGUAGE_PLUGIN, os.X_OK) for folder in (executable.parent, real.parent)):
        return f"{executable} has no {LANGUAGE_PLUGIN} beside it"
    version = version_of(executable)
    if version is None:
        return f"{executable} does not say its version"
    if not at_least(version, wanted_version()):
        return f"{executable} is {version}, older than {wanted_version()}"
    return Engine(str(executable.parent), version, real.stat().st_mtime_ns)


def on_path() -> list[Path]:
    """Every `pulumi` on PATH, first one first, without the engines that set-up made."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    return [
        folder / "pulumi"
        for folder in folders
        if (folder / "pulumi").is_file() and cache_folder() not in folder.parents
    ]


def recorded() -> Engine | None:
    """The engine that was found last, when it is still there unchanged and still new enough."""
    try:
        engine = Engine(**json.loads(RECORD.read_text()))
        same = engine.path.resolve().stat().st_mtime_ns == engine.changed
    except (OSError, ValueError, TypeError):
        return None
    return engine if same and at_least(engine.version, wanted_version()) else None


def find() -> Engine | None:
    """The engine to use, remembered for the next time; None when one has to be made."""
    engine = recorded()
    if engine is not None:
        return engine
    for executable in (*on_path(), cached_folder(wanted_version()) / "pulumi"):
        engine = look_at(executable)
        if engine is not None:
            RECORD.parent.mkdir(exist_ok=True)
            RECORD.write_text(json.dumps(asdict(engine)) + "\n")
            return engine
    return None
