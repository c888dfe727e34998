"""Runs an image's command without its root file system being this machine's: paths are rewritten into the folder
the image was unpacked to.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType

PYTHON = re.compile(r"python(3(\.\d+)?)?")
VERSION = re.compile(r"3\.\d+")
MOST_LINKS = 40
NOTHING: Mapping[Path, Path] = MappingProxyType({})


class CannotRun(Exception):
    """The image cannot run here; the message says why and what would help."""


class ImagePaths:
    """Where a path of the container lies on this machine.

    Args:
        root: the unpacked image.
        mounts: files or folders of this machine by their path in the container; they hide what the image has there.
    """

    def __init__(self, root: Path, mounts: Mapping[str, Path]) -> None:
        self.root = root
        self._mounts = {inside(root, path): Path(where) for path, where in mounts.items()}

    def find(self, path: str) -> Path | None:
        """The file or folder, None when the container has none there; links are followed inside the container."""
        try:
            found = inside(self.root, os.path.normpath(path), self._mounts)
        except OSError:
            return None
        return found if found.exists() else None

    def rewrite(self, text: str) -> str:
        """An argument or a variable: each absolute path in it (lists are separated by colons) that the container has
        becomes its path here; everything else stays.
        """
        return ":".join(self._rewrite_one(part) for part in text.split(":"))

    def _rewrite_one(self, text: str) -> str:
        if not text.startswith("/") or text.strip("/") == "" or text.startswith("//"):
            return text
        found = self.find(text)
        return str(found) if found else text


def inside(root: Path, path: str, mounts: Mapping[Path, Path] = NOTHING) -> Path:
    """Where a path of an image lies below its folder, whether or not anything is there.

    Links are followed as the image means them: an absolute one begins at `root`, and `..` leads no further up. So no
    part of the result below `root` is a link, and what is done there stays in the image.

    Args:
        mounts: folders of this machine by such a place; what lies below one is found in it.

    Raises:
        OSError: the links go round in a circle.
    """
    here, rest, links = root, list(reversed(PurePosixPath(path).parts)), 0
    while rest:
        part = rest.pop()
        if part.startswith("/"):
            here = root
        elif part == "..":
            here = here if here == root else here.parent
        elif mounts and here / part in mounts:
            below = PurePosixPath(os.path.normpath("/" + "/".join(reversed(rest))))
            return mounts[here / part].joinpath(*below.parts[1:])
        elif os.path.islink(step := here / part):
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            rest += reversed(PurePosixPath(os.readlink(step)).parts)
        else:
            here = step
    return here


def command_line(
    paths: ImagePaths, command: Sequence[str], environment: Mapping[str, str], *, depth: int = 4
) -> list[str]:
    """The command as it runs on this machine.

    Scripts run by the interpreter that their first line names. Python programs run by this machine's Python of the
    image's version: an interpreter that was moved does not find its own library. Other programs run as they are.

    Raises:
        CannotRun: the program is not in the image, or there is no such Python here.
    """
    if not command:
        raise CannotRun("the image has no entrypoint and no command; give the container a command")
    name, arguments = command[0], [paths.rewrite(argument) for argument in command[1:]]
    program = find_program(paths, name, environment.get("PATH", ""))
    if PYTHON.fullmatch(PurePosixPath(name).name):
        return [local_python(image_python(program, name, environment)), *arguments]
    if program is None:
        raise CannotRun(f"exec: '{name}': no such program in the image")
    with program.open("rb") as file:
        first = file.readline(256)
    if first.startswith(b"#!") and depth:
        interpreter = first[2:].decode("utf-8", "replace").split()
        if PurePosixPath(interpreter[0]).name == "env":
            interpreter = interpreter[1:]
        return [*command_line(paths, interpreter, environment, depth=depth - 1), str(program), *arguments]
    return [str(program), *arguments]


def find_program(paths: ImagePaths, name: str, search: str) -> Path | None:
    """A program by its path in the container or by its name on the container's PATH."""
    candidates = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in search.split(":") if folder]
    found = (paths.find(candidate) for candidate in candidates)
    return next((path for path in found if path is not None and path.is_file()), None)


def image_python(program: Path | None, name: str, environment: Mapping[str, str]) -> str:
    """The version of an image's Python, such as `3.11`: from the interpreter's own name, else from the variable that
    the official images set, else this program's.
    """
    for text in (program.name if program else "", name, environment.get("PYTHON_VERSION", "")):
        if found := VERSION.search(text):
            return found.group()
    return f"3.{sys.version_info.minor}"


def local_python(version: str) -> str:
    """This machine's Python of a version, outside any virtual environment.

    Raises:
        CannotRun: there is none.
    """
    if version == f"3.{sys.version_info.minor}":
        own = Path(sys.base_prefix) / "bin" / f"python{version}"
        if own.exists():
            return str(own)
    found = shutil.which(f"python{version}")
    if found is None:
        raise CannotRun(
            f"the image needs Python {version}, and this machine has none: install python{version}, podman or docker"
        )
    return found
