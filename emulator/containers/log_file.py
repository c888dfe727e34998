"""A container's log: a file it appends to, kept below a cap."""

from __future__ import annotations

import os
from pathlib import Path

CAP_BYTES = 8 * 1024 * 1024


class LogFile:
    """What a container wrote to standard output and standard error, over all its runs.

    Programs hold the file open in append mode, so cutting it leaves them writing at its new end.
    """

    def __init__(self, file: Path, cap: int = CAP_BYTES) -> None:
        self.file = file
        self.cap = cap

    def trim(self) -> None:
        """Cuts the older half, at a line's end, once the file is larger than its cap."""
        if not self.file.exists() or self.file.stat().st_size <= self.cap:
            return
        with self.file.open("r+b") as handle:
            handle.seek(-self.cap // 2, os.SEEK_END)
            handle.readline()
            kept = handle.read()
            handle.truncate(0)
        with self.file.open("ab") as handle:
            handle.write(kept)

    def read(self, lines: int | None = None) -> str:
        """The text, or its last lines; undecodable bytes are replaced."""
        try:
            text = self.file.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        if lines is None:
            return text
        return "".join(text.splitlines(keepends=True)[-lines:]) if lines > 0 else ""
