"""Containers of podman or docker, run through their command lines, in the foreground: their client is the program
that is watched.

They share this machine's network, so that addresses and ports mean the same as with the other engines, and a container
reaches the emulator. Neither pulls: podman runs the folder an image was unpacked to, docker is given that folder once.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from emulator.containers.engine import MARK, Image, Start
from emulator.containers.image_paths import CannotRun
from emulator.containers.program import Program, start_program

PROBE_SECONDS = 10.0
REMOVE_SECONDS = 30.0
IMPORT_SECONDS = 300.0
LABEL = "azure-emulator"
GIGABYTE = 10**9


class CommandEngine:
    """One of the two.

    Args:
        tool: `podman` or `docker`.
        state: the emulator's state folder, by which its containers are told from those of others.
    """

    def __init__(self, tool: str, state: Path) -> None:
        self.name = tool
        self._tool = shutil.which(tool) or tool
        self._mark = hashlib.sha256(str(state).encode()).hexdigest()[:12]

    def trouble(self) -> str:
        """Why it does not work here, empty when it does."""
        if shutil.which(self.name) is None:
            return f"{self.name} is not installed"
        question = "{{.Host.OCIRuntime.Name}}" if self.name == "podman" else "{{.ServerVersion}}"
        try:
            asked = self._run("info", "--format", question, seconds=PROBE_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            return f"`{self.name} info` failed: {error}"
        if asked.returncode != 0 or not asked.stdout.strip():
            said = (asked.stderr.strip() or "no answer").splitlines()[-1]
            return f"`{self.name} info` failed: {said}"
        return ""

    async def start(self, start: Start) -> Program:
        """Runs the container."""
        if start.image is None:
            raise CannotRun(f"{self.name} needs an image")
        name = self._container_name(start)
        await asyncio.to_thread(self._remove, name)
        source = await asyncio.to_thread(self._source, start.image)
        arguments = [self._tool, "run", *self._options(start, name), *source, *start.command]
        environment = {**client_environment(), **start.environment, "PATH": client_environment()["PATH"]}
        program = await start_program(arguments, environment, start.folder, start.log)
        return ContainerProgram(program, self, name)

    def clean(self) -> None:
        """Removes the containers that a killed emulator has left."""
        found = self._run("ps", "--all", "--quiet", "--filter", f"label={LABEL}={self._mark}", seconds=PROBE_SECONDS)
        if identifiers := found.stdout.split():
            self._run("rm", "--force", *identifiers, seconds=REMOVE_SECONDS)

    def send(self, name: str, signal: str) -> None:
        """Sends a signal to a container's program."""
        self._run("kill", "--signal", signal, name, seconds=REMOVE_SECONDS)
