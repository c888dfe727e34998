"""The folder a job runs in."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from emulator.machine_learning.jobs.runner import files
from emulator.runtime import ProcessHandle
from tools.machine.locks import lock_if_free

UPLOADED = ("outputs", "logs")
"""Folders below the working directory that end beside the logs in the run's artefacts, as on Azure."""


@dataclass(frozen=True)
class JobFolder:
    """A folder each for the code (`wd`), the log files, the named inputs and the named outputs."""

    path: Path

    @property
    def working_directory(self) -> Path:
        """Where the command starts."""
        return self.path / "wd"

    @property
    def logs(self) -> Path:
        """Log files by the names that run history gives them."""
        return self.path / "logs"

    @property
    def inputs(self) -> Path:
        """Copies of the named inputs."""
        return self.path / "inputs"

    @property
    def outputs(self) -> Path:
        """Where the command writes its named outputs."""
        return self.path / "outputs"

    def make(self) -> None:
        """Makes it anew: what an interrupted preparation left is gone."""
        self.remove()
        for folder in (self.path, self.working_directory, self.logs, self.inputs, self.outputs):
            folder.mkdir(parents=True, mode=0o700)
        for name in UPLOADED:
            (self.working_directory / name).mkdir()

    def remove(self) -> None:
        """Deletes it, read-only inputs included."""
        shutil.rmtree(self.path, ignore_errors=True)

    def report(self, text: str) -> None:
        """A line in the log of the preparation."""
        files.append(self.logs / files.BUILD_LOG, text)

    def runner(self) -> ProcessHandle | None:
        """The runner, when one lives: it holds the lock for as long as it does."""
        lock = self.path / files.LOCK
        if not lock.exists():
            return None
        with lock_if_free(lock) as free:
            return None if free else self._handle()

    def starting_runner(self) -> ProcessHandle | None:
        """The runner that was started a moment ago and does not hold the lock yet."""
        for process in psutil.process_iter(["cmdline", "create_time"]):
            if (process.info["cmdline"] or [""])[-1] == str(self.path):
                return ProcessHandle(process.pid, process.info["create_time"])
        return None

    def _handle(self) -> ProcessHandle | None:
        found = self.read(files.PROCESS)
        try:
            return ProcessHandle(int(found["pid"]), psutil.Process(int(found["pid"])).create_time()) if found else None
        except psutil.Error:
            return None

    def read(self, name: str) -> dict[str, Any] | None:
        """One of the runner's files, None when it is not there yet."""
        return files.read_json(self.path / name)

    def tail(self, name: str = files.USER_LOG, lines: int = 20) -> str:
        """The last lines of a log."""
        file = self.logs / name
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) if file.exists() else ""
