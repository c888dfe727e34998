"""Inputs of a job: read-only copies beside it, values in its command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from emulator.machine_learning.locations import Location, References, UnresolvedReference
from emulator.machine_learning.storage import WorkspaceStorage

FILE_TYPE = "uri_file"
DIRECT = ("direct",)
COPIED = ("readonlymount", "download", "readwritemount", "upload", "")


class JobFailure(Exception):
    """A job cannot be prepared; the message is for the person who submitted it."""


class Inputs:
    """Brings inputs to where a command finds them."""

    def __init__(self, references: References, storage: WorkspaceStorage) -> None:
        self.references = references
        self.storage = storage

    def stage(self, workspace: str, name: str, given: dict[str, Any], folder: Path) -> str:
        """The value that replaces `${{inputs.<name>}}`: a literal, or the path of a copy in `folder`.

        Raises:
            JobFailure: the input does not exist.
        """
        kind = given.get("jobInputType", "literal")
        if kind == "literal":
            return str(given.get("value", ""))
        mode = str(given.get("mode") or "").lower()
        if mode in DIRECT:
            return str(given["uri"])
        if mode not in COPIED:
            raise JobFailure(
                f"Input '{name}': the mode '{given['mode']}' is not supported by the emulator; "
                "use ro_mount, download or direct."
            )
        try:
            location = self.references.location(workspace, given["uri"])
            return str(self.copy(location, folder / name, single=kind == FILE_TYPE))
        except (UnresolvedReference, FileNotFoundError) as error:
            raise JobFailure(f"Input '{name}' ({kind}, {given['uri']}) could not be read: {error}.") from None

    def copy(self, location: Location, target: Path, *, single: bool) -> Path:
        """Copies a blob into a folder, or everything below a path; gives the file's or the folder's path.

        Raises:
            FileNotFoundError: nothing is there.
        """
        target.mkdir(parents=True, exist_ok=True)
        if single or self.storage.is_blob(location):
            file = target / Path(location.path).name
            self.storage.fetch_read_only(location, file)
            return file
        found = self.storage.below(location)
        if not found:
            raise FileNotFoundError(
                f"there is nothing at '{location.path}' in container '{location.container}' of '{location.account}'"
            )
        for name in found:
            file = inside(target, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            self.storage.fetch_read_only(location.child(name), file)
        return target

    def copy_code(self, location: Location, target: Path) -> None:
        """Copies a code asset into the working directory, where the job may write."""
        for name in self.storage.below(location):
            file = inside(target, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            self.storage.fetch(location.child(name), file)


def inside(folder: Path, name: str) -> Path:
    """The path of a blob's name below a folder.

    Raises:
        JobFailure: the name leads out of the folder.
    """
    path = Path(os.path.normpath(folder / name))
    if not path.is_relative_to(folder):
        raise JobFailure(f"The blob name '{name}' leads out of its folder.")
    return path
