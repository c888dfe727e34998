"""Containers of podman or docker, run through their command lines, in the foreground: their client is the program
that is watched.

They share this machine's network, so that addresses and ports mean the same as with the other engines, and a container
reaches the emulator. Neither pulls: podman runs the folder an image was unpacked to, docker is given that folder once.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from emulator.containers.engine import Image, Start
from emulator.containers.image_paths import CannotRun
from emulator.containers.marked_processes import CONTAINER
from emulator.containers.program import Program, start_program

PROBE_SECONDS = 10.0
REMOVE_SECONDS = 30.0
IMPORT_SECONDS = 600.0
LABEL = "azure-emulator"
GIGABYTE = 10**9
KILLED = 137
# Given on the command line; the values of all others the client takes from its own environment, where no other user
# can read them.
CLIENT_VARIABLES = ("PATH", "HOME")
# Nor does the client carry the container's mark: what podman leaves running for all its containers would inherit it.
GIVEN_VARIABLES = (*CLIENT_VARIABLES, CONTAINER)


class CommandEngine:
    """One of the two.

    Args:
        tool: `podman` or `docker`.
        state: the emulator's state folder, by which its containers are told from those of others.
    """

    def __init__(self, tool: str, state: Path) -> None:
        self.name = tool
        self._mark = hashlib.sha256(str(state).encode()).hexdigest()[:12]

    def trouble(self) -> str:
        """Why it does not work here, empty when it does."""
        if shutil.which(self.name) is None:
            return f"{self.name} is not installed"
        question = "{{.Host.OCIRuntime.Name}}" if self.name == "podman" else "{{.ServerVersion}}"
        try:
            asked = self.run("info", "--format", question, seconds=PROBE_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            return f"`{self.name} info` failed: {error}"
        if asked.returncode == 0 and asked.stdout.strip():
            return ""
        return f"`{self.name} info` failed: {(asked.stderr.strip() or 'no answer').splitlines()[-1]}"

    async def start(self, start: Start) -> Program:
        """Runs the container."""
        if start.image is None:
            raise CannotRun(f"{self.name} needs an image")
        name = f"{LABEL}-{self._mark}-{start.folder.name}"
        await asyncio.to_thread(self.remove, name)
        source = await asyncio.to_thread(self._source, start.image)
        arguments = [self.name, "run", *self._options(start, start.image, name), *source, *start.command]
        own = {variable: os.environ[variable] for variable in os.environ if variable not in start.environment}
        client = {**own, **start.environment, **{name: os.environ.get(name, "") for name in CLIENT_VARIABLES}}
        del client[CONTAINER]
        program = await start_program(arguments, client, start.folder, start.log)
        return ClientProgram(program, self, name)

    def clean(self) -> None:
        """Removes the containers that a killed emulator has left."""
        found = self.run("ps", "--all", "--quiet", "--filter", f"label={LABEL}={self._mark}", seconds=PROBE_SECONDS)
        if identifiers := found.stdout.split():
            self.run("rm", "--force", *identifiers, seconds=REMOVE_SECONDS)

    def remove(self, name: str) -> None:
        """Kills and removes a container; nothing happens when there is none."""
        at_once = ("--time", "0") if self.name == "podman" else ()
        self.run("rm", "--force", *at_once, name, seconds=REMOVE_SECONDS)

    def inspect(self, name: str, template: str) -> str:
        """A value of the container's description, empty when there is no container."""
        return self.run("inspect", "--format", template, name, seconds=PROBE_SECONDS).stdout.strip()

    def run(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Runs one command of the tool."""
        return subprocess.run([self.name, *arguments], capture_output=True, text=True, timeout=seconds, check=False)

    def _source(self, image: Image) -> Sequence[str]:
        if self.name == "podman":
            return ("--rootfs", str(image.root))
        tag = f"{LABEL}:{hashlib.sha256(image.reference.encode()).hexdigest()[:12]}"
        if self.run("image", "inspect", tag, seconds=PROBE_SECONDS).returncode != 0:
            self._import(image.root, tag)
        return (tag,)

    def _import(self, root: Path, tag: str) -> None:
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:
            arguments = [self.name, "import", "-", tag]
            made = subprocess.run(
                arguments, stdin=archive.stdout, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False
            )
        if made.returncode != 0:
            raise CannotRun(f"`{self.name} import` failed: {made.stderr.strip()}")

    def _options(self, start: Start, image: Image, name: str) -> list[str]:
        specification = start.specification
        variables = [name for name in start.environment if name not in GIVEN_VARIABLES]
        given = [f"{name}={start.environment[name]}" for name in GIVEN_VARIABLES if name in start.environment]
        mounts = [f"{source}:{target}:ro" for target, source in specification.mounts.items()]
        return [
            *("--name", name, "--label", f"{LABEL}={self._mark}", "--network", "host"),
            *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"),  # noqa: S108 - the container's
            *("--security-opt", "no-new-privileges"),
            *("--user", image.configuration.user or "0", "--workdir", image.configuration.working_directory or "/"),
            *("--memory", str(int(specification.memory_gb * GIGABYTE)), "--cpus", f"{specification.cpu:g}"),
            *(word for variable in (*variables, *given) for word in ("--env", variable)),
            *(word for mount in mounts for word in ("--volume", mount)),
        ]


class ClientProgram(Program):
    """A container behind the client that runs it in the foreground."""

    def __init__(self, client: Program, engine: CommandEngine, name: str) -> None:
        self._client = client
        self._engine = engine
        self._name = name
        self.pid = client.pid
        self._inside = 0
        self._code = 0
        self._killed = False

    async def wait(self) -> int:
        """The container's exit code, which the client gives as its own."""
        self._code = await self._client.wait()
        return self._code

    def terminate(self) -> None:
        """SIGTERM: the client passes it on."""
        self._client.terminate()

    async def kill(self) -> None:
        """SIGKILL: removes the container, and ends the client should it not notice."""
        self._killed = True
        await asyncio.to_thread(self._engine.remove, self._name)
        await self._client.kill()

    async def out_of_memory(self) -> bool:
        """Whether the kernel ended it for its memory: it says so where cgroups tell, else a SIGKILL that nobody here
        sent means it.
        """
        if self._code == KILLED and not self._killed:
            return True
        return await asyncio.to_thread(self._engine.inspect, self._name, "{{.State.OOMKilled}}") == "true"

    def leader(self) -> int:
        """The container's first process."""
        if not self._inside:
            answer = self._engine.inspect(self._name, "{{.State.Pid}}")
            self._inside = int(answer) if answer.isdecimal() else 0
        return self._inside or self.pid
