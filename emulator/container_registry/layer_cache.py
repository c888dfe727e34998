"""Large layers as they were compressed once: the packages of a scoring server are the same in one image after another,
and compressing them takes four times as long as finding them again.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from pathlib import Path

SMALLEST = 16 << 20
"""Bytes of files from which a layer is kept: what a person writes stays below."""
KEPT_SECONDS = 14 * 86400


class LayerCache:
    """Files named `<digest of the archive>-<digest of the compressed archive>`; what was not used for long goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, difference: str, file: Path) -> str | None:
        """Puts the compressed layer at `file`, and says its digest; None when there is none."""
        for kept in self._folder.glob(f"{plain(difference)}-*"):
            try:
                os.utime(kept)
                shutil.copyfile(kept, file)
            except FileNotFoundError:  # another emulator has just removed it
                continue
            return f"sha256:{kept.name.partition('-')[2]}"
        return None

    def keep(self, difference: str, digest: str, file: Path) -> None:
        """Takes in a layer whole or not at all, and removes what was not used for long."""
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{uuid.uuid4().hex}"
        try:
            shutil.copyfile(file, temporary)
            temporary.replace(self._folder / f"{plain(difference)}-{plain(digest)}")
        except OSError:  # no room: the layer is made again next time
            temporary.unlink(missing_ok=True)
        self._tidy()

    def _tidy(self) -> None:
        for kept in self._folder.iterdir():
            try:
                if kept.stat().st_mtime < time.time() - KEPT_SECONDS:
                    kept.unlink()
            except FileNotFoundError:
                continue


def plain(digest: str) -> str:
    """A digest without the name of its algorithm."""
    return digest.removeprefix("sha256:")
