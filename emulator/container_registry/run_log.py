"""The log of a run, readable while it grows."""

from __future__ import annotations

from emulator.container_registry.sources import Sources


class RunLog:
    """Lines in a blob. Builds without RUN say little, so the blob is written anew with each line."""

    def __init__(self, sources: Sources, path: str) -> None:
        self._sources = sources
        self._path = path
        self._text = ""

    def say(self, line: str) -> None:
        """Appends a line."""
        self._text += line + "\n"
        self._sources.write(self._path, self._text)
