"""Containers as processes of this machine: works everywhere, without root and without any container software.

What differs from a container: the program sees this machine's files, processes and network and runs as the emulator's
user; the image's files are found through rewritten arguments, variables and working directory, not at `/`; they are
not write-protected; Python programs run on this machine's Python of the same version.
"""

from __future__ import annotations

import os

from emulator.containers.engine import Image, Start
from emulator.containers.image_paths import CannotRun, ImagePaths, command_line
from emulator.containers.program import Program, start_program


class ProcessEngine:
    """Runs a command as it is, or an image's command on the unpacked image."""

    name = "process"

    async def start(self, start: Start) -> Program:
        """Starts the process."""
        if start.image is None:
            return await self._start_command(start)
        return await self._start_image(start, start.image)

    def clean(self) -> None:
        """Nothing: the host ends processes by their mark."""

    async def _start_command(self, start: Start) -> Program:
        if not start.command:
            raise CannotRun("a container without an image needs a command")
        directory = start.specification.directory or start.scratch("work")
        environment = {**machine(start), **start.environment, "PATH": os.environ.get("PATH", os.defpath)}
        if "PATH" in start.specification.environment:
            environment["PATH"] = start.specification.environment["PATH"]
        return await start_program(start.command, environment, directory, start.log)

    async def _start_image(self, start: Start, image: Image) -> Program:
        paths = ImagePaths(image.root, start.specification.mounts)
        inside = {name: paths.rewrite(value) for name, value in start.environment.items() if name != "PATH"}
        search = f"{start.environment['PATH']}"
        arguments = command_line(paths, start.command, {**inside, "PATH": search})
        folders = [str(found) for folder in search.split(":") if (found := paths.find(folder))]
        environment = {
            **machine(start),
            # Unpacked once and shared by all containers of the image: nothing is to be written there.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            **inside,
            "PATH": ":".join([*folders, os.environ.get("PATH", os.defpath)]),
        }
        directory = paths.find(image.configuration.working_directory or "/") or image.root
        return await start_program(arguments, environment, directory, start.log)


def machine(start: Start) -> dict[str, str]:
    """Variables that point at folders of the container's own."""
    return {"HOME": str(start.scratch("home")), "TMPDIR": str(start.scratch("tmp")), "LANG": "C.UTF-8"}
