"""The shared libraries a program needs, as this machine's loader finds them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Loaded by name while a program runs, so no header names them: names of hosts and users, packages in C++.
BY_NAME = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1", "libstdc++.so.6")
# Parts of the C library that published wheels name although they are inside libc.so.6 today.
C_LIBRARY = ("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libm.so.6", "libanl.so.1")
LINE = re.compile(r"^\s*(?P<name>\S+) => (?P<path>/\S+) \(0x[0-9a-f]+\)$|^\s*(?P<loader>/\S+ld[^ ]*) \(0x[0-9a-f]+\)$")


@dataclass(frozen=True)
class Libraries:
    """Libraries by the name programs ask for, the loader, and the folder in which the C library lies."""

    files: dict[str, Path]
    loader: Path
    folder: Path


def closure(programs: Iterable[Path]) -> Libraries:
    """What these programs and libraries need, directly or not, with what is loaded by name.

    Raises:
        LookupError: this machine has no `ldd`, or its programs need no C library.
    """
    found: dict[str, Path] = {}
    loaders: set[Path] = set()
    waiting = list(programs)
    for name in (*BY_NAME, *C_LIBRARY):
        path = named_library(name)
        if path:
            found[name] = path
            waiting.append(path)
    for line in listing(waiting):
        match = LINE.match(line)
        if match and match["loader"]:
            loaders.add(Path(match["loader"]))
        elif match:
            found[match["name"]] = Path(match["path"])
    if "libc.so.6" not in found or not loaders:
        raise LookupError("this machine's programs do not use the GNU C library, or `ldd` does not show it")
    return Libraries(found, min(loaders), found["libc.so.6"].parent)


def listing(programs: list[Path]) -> list[str]:
    """What `ldd` says of them."""
    tool = shutil.which("ldd")
    if tool is None:
        raise LookupError("`ldd` is missing; it comes with the C library (Debian: libc-bin)")
    said = subprocess.run([tool, *map(str, programs)], capture_output=True, text=True, check=False)
    return said.stdout.splitlines()


def named_library(name: str) -> Path | None:
    """Where the loader finds a library of this name."""
    tool = shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin")
    said = subprocess.run([tool, "-p"], capture_output=True, text=True, check=False).stdout if tool else ""
    for line in said.splitlines():
        words = line.split()
        if words[:1] == [name] and "x86-64" in line:
            return Path(words[-1])
    return None
