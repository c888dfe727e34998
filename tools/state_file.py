"""The file in which a file backend keeps a stack's state: whether it can be read, and the copies beside it.

Pulumi keeps the state before the last write as `<stack>.json.bak`, and one copy of every update in `backups/`. Beside
each file lies `<file>.attrs` with its content type and checksum (gocloud's fileblob), which is not written in one go: a
CLI killed just then leaves it empty, and every later one stops at it with no more than "EOF". The file is read without.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from tools.progress import SetupError


def backend_folder(url: str) -> Path | None:
    """The folder of a `file://` backend; None for any other."""
    parsed = urlparse(url)
    return Path(f"{parsed.netloc}{parsed.path}") if parsed.scheme == "file" else None


@dataclass(frozen=True)
class StateFile:
    """The state of one stack in a file backend."""

    backend: Path
    project: str
    stack: str

    @property
    def file(self) -> Path:
        """Where Pulumi reads it."""
        return self.backend / ".pulumi" / "stacks" / self.project / f"{self.stack}.json"

    def others(self) -> list[str]:
        """The other stacks that have a state beside this one."""
        return sorted(one.stem for one in self.file.parent.glob("*.json") if one != self.file)

    def damage(self) -> str:
        """What keeps the file from being read; "" when nothing does or there is none."""
        return damage_of(self.file) if self.file.is_file() else ""

    def checkpoint(self) -> dict[str, Any]:
        """What it holds; nothing when there is no such file.

        Raises:
            SetupError: it cannot be read; the message says how to go on.
        """
        if not self.file.is_file():
            return {}
        if damage := self.damage():
            raise SetupError(self.explained(damage))
        return dict(json.loads(self.file.read_text())["checkpoint"].get("latest") or {})

    def explained(self, damage: str) -> str:
        """What is wrong with it and the way out, in one line."""
        wrong = f"the state of stack {self.stack} cannot be read: {self.file} {damage}"
        if copy := self.copy():
            return f"{wrong}. `make recover STACK={self.stack}` puts back the copy of {written(copy)} and refreshes it."
        return (
            f"{wrong}, and no copy of it is whole. Put back one of your own, or build anew: `make down "
            f"STACK={self.stack} FORCE=1` removes an emulator stack with all that is in the emulator, then `make up`."
        )

    def copy(self) -> Path | None:
        """The newest copy that can be read."""
        beside = self.file.with_name(f"{self.file.name}.bak")
        older = (self.backend / ".pulumi" / "backups" / self.project / self.stack).glob(f"{self.stack}.*.json")
        newest_first = [beside, *sorted(older, reverse=True)]
        return next((one for one in newest_first if one.is_file() and not damage_of(one)), None)

    def restore(self) -> str:
        """Puts the newest copy in place of a file that cannot be read, and keeps that one as `<stack>.json.damaged`.
        Says what was done; "" when nothing was wrong.

        Raises:
            SetupError: no copy can be read either.
        """
        damage, copy = self.damage(), self.copy()
        if not damage:
            return ""
        if copy is None:
            raise SetupError(self.explained(damage))
        temporary = self.file.with_name(f"{self.file.name}.new")
        shutil.copyfile(copy, temporary)
        os.replace(self.file, self.file.with_name(f"{self.file.name}.damaged"))
        os.replace(temporary, self.file)
        return f"{self.file.name} {damage}: put back the copy of {written(copy)}"

    def drop_unreadable_attributes(self) -> int:
        """Removes attributes that a killed CLI left cut off, of the state, its copies and history; says how many."""
        folders = [self.backend / ".pulumi" / kind / self.project / self.stack for kind in ("backups", "history")]
        beside = [self.file.parent.glob(f"{self.stack}.json*.attrs"), *(folder.glob("*.attrs") for folder in folders)]
        unreadable = [file for files in beside for file in files if not is_json(file.read_text(errors="replace"))]
        for file in unreadable:
            file.unlink(missing_ok=True)
        return len(unreadable)

    def remove(self) -> None:
        """Removes it with every copy beside it."""
        for file in self.file.parent.glob(f"{self.stack}.json*"):
            file.unlink(missing_ok=True)


def damage_of(file: Path) -> str:
    """What keeps a state file from being read; "" when nothing does."""
    text = file.read_text(errors="replace")
    if not text.strip("\0 \n"):
        return "is empty"
    if not is_json(text):
        return "is cut off or was edited into something unreadable"
    content = json.loads(text)
    whole = isinstance(content, dict) and isinstance(content.get("checkpoint"), dict)
    return "" if whole else "holds no state of a stack"


def is_json(text: str) -> bool:
    """Whether a text can be parsed at all."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def written(file: Path) -> str:
    """When a file was written last."""
    return f"{datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d %H:%M:%S}"
