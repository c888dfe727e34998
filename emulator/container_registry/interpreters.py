"""Python interpreters of this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

QUESTION = """
import json, os, ssl, sys, sysconfig
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
    "version": ".".join(map(str, sys.version_info[:3])),
    "library": sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}),
    "certificates": ssl.get_default_verify_paths().openssl_cafile,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """One interpreter: its program, full version, standard library, and where it looks for certificates."""

    executable: Path
    version: str
    library: Path
    certificates: str

    @property
    def series(self) -> str:
        """`3.11`."""
        return ".".join(self.version.split(".")[:2])


def find_interpreter(series: str) -> Interpreter:
    """An interpreter of a series such as `3.11`: the emulator's own, else one on PATH.

    Raises:
        LookupError: there is none; the message says what to install.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable] if own == series else []
    candidates += filter(None, [shutil.which(f"python{series}")])
    for candidate in candidates:
        found = ask(candidate)
        if found and found.series == series:
            return found
    raise LookupError(
        f"this machine has no Python {series}: install it (`uv python install {series}`), or put it on PATH"
    )


def ask(program: str) -> Interpreter | None:
    """What an interpreter says of itself; None when it does not run."""
    try:
        said = subprocess.run([program, "-I", "-c", QUESTION], capture_output=True, text=True, timeout=30, check=True)
        facts = json.loads(said.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(Path(facts["executable"]), facts["version"], Path(facts["library"]), facts["certificates"])
