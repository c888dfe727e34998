"""Resolves `*.localhost` to loopback in Python processes, as RFC 6761 (6.3) asks; many C libraries do not.

Storage accounts and vaults of the emulator are host names such as `<account>.blob.core.localhost`. `install` puts a
`.pth` file and a small module into a virtual environment; it costs under a millisecond at start and touches no other
name.
"""

from __future__ import annotations

from pathlib import Path

MODULE = '''"""Resolves *.localhost to loopback (RFC 6761, 6.3). Written by the set-up of this virtual environment."""

import _socket

_resolve = _socket.getaddrinfo


def _getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and name.rstrip(".").lower().endswith(".localhost"):
        host = "::1" if family == _socket.AF_INET6 else "127.0.0.1"
    return _resolve(host, port, family, type, proto, flags)


_socket.getaddrinfo = _getaddrinfo
'''
GROUPS_MODULE = '''"""Resolves container groups to their addresses; written by this virtual environment's set-up."""

import _socket
import os

_resolve = _socket.getaddrinfo
_SUFFIX = ".azurecontainer.localhost"


def _address(name):
    try:
        with open(os.environ["EMULATOR_HOSTS"]) as hosts:
            known = dict(reversed(line.split()) for line in hosts)
    except (KeyError, OSError, ValueError):
        return None
    return known.get(name.rstrip(".").lower())


def _getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and name.rstrip(".").lower().endswith(_SUFFIX) and family != _socket.AF_INET6:
        host = _address(name) or host
    return _resolve(host, port, family, type, proto, flags)


_socket.getaddrinfo = _getaddrinfo
'''
FILES = {"_localhost_names.py": MODULE, "localhost_names.pth": "import _localhost_names\n"}
# Sorted after the other one, so that it is asked first: container groups have addresses of their own, which the
# emulator writes to the file that EMULATOR_HOSTS names.
GROUPS_FILES = {
    "_localhost_names_groups.py": GROUPS_MODULE,
    "localhost_names_groups.pth": "import _localhost_names_groups\n",
}


def site_packages(virtualenv: Path) -> Path:
    """Where a virtual environment keeps its packages.

    Raises:
        FileNotFoundError: the folder is no virtual environment.
    """
    for folder in sorted((virtualenv / "lib").glob("python3.*/site-packages")):
        return folder
    raise FileNotFoundError(f"{virtualenv} is no virtual environment")


def install(virtualenv: Path) -> None:
    """Makes every Python of this virtual environment resolve `*.localhost` to loopback; safe to repeat."""
    folder = site_packages(virtualenv)
    for name, text in {**FILES, **GROUPS_FILES}.items():
        if not (folder / name).exists() or (folder / name).read_text() != text:
            (folder / name).write_text(text)
