"""Python interpreters of this machine."""

from __future__ import annotations

import json
import os
import re
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
    """An interpreter of a series such as `3.11`: the emulator's own, else one on PATH, of pyenv or of uv.

    Raises:
        LookupError: there is none; the message says which there are and what to install.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable] if own == series else []
    candidates += filter(None, [on_path(series)])
    candidates += [str(file) for file in kept() if file.name == f"python{series}"]
    for candidate in candidates:
        found = ask(candidate)
        if found and found.series == series:
            return found
    raise LookupError(
        f"this machine has no Python {series} (there are {', '.join(installed())}): install it "
        f"(`uv python install {series}`), or put it on PATH"
    )


def kept() -> list[Path]:
    """Interpreters that pyenv and uv keep, newest first; those of pyenv need not run by their names on PATH."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python")
    found = [file for folder in (pyenv, uv) for file in folder.glob("*/bin/python3.*")]
    programs = [file for file in found if re.fullmatch(r"python3\.\d+", file.name)]
    return sorted(programs, key=lambda file: [int(part) for part in re.findall(r"\d+", file.parts[-3])], reverse=True)


def on_path(series: str) -> str | None:
    """The program of a series on PATH; pyenv's are there by name only, and among those it keeps."""
    found = shutil.which(f"python{series}")
    return None if found is None or Path(found).parent.name == "shims" else found


def installed() -> list[str]:
    """The series there are, oldest first."""
    known = {f"3.{sys.version_info.minor}", *(file.name.removeprefix("python") for file in kept())}
    known |= {f"3.{minor}" for minor in range(6, 30) if on_path(f"3.{minor}")}
    return sorted(known, key=lambda series: int(series.partition(".")[2]))


def ask(program: str) -> Interpreter | None:
    """What an interpreter says of itself; None when it does not run."""
    try:
        said = subprocess.run([program, "-I", "-c", QUESTION], capture_output=True, text=True, timeout=30, check=True)
        facts = json.loads(said.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(Path(facts["executable"]), facts["version"], Path(facts["library"]), facts["certificates"])
