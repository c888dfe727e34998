"""Builds an image from a Dockerfile and its context without running anything in it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator.container_registry.context import copied
from emulator.container_registry.dockerfile import DockerfileError, Instruction, expand, parse
from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.image_document import ImageDocument, read_image
from emulator.container_registry.layer_cache import LayerCache
from emulator.container_registry.layers import write_layer
from emulator.container_registry.reference import ImageReference

USERS = {"root": 0}
Say = Callable[[str], None]


class Builder:
    """One build.

    `image` is the result once `run` is done, and `base` the repository that has the layers it began with.
    """

    def __init__(
        self,
        context: Path,
        work: Path,
        files: RegistryFiles,
        login_server: str,
        say: Say,
        cache: LayerCache | None = None,
    ) -> None:
        self.context, self.work, self.files, self.login_server, self.say = context, work, files, login_server, say
        self.image = ImageDocument()
        self.base = ""
        self._cache = cache
        self._arguments: dict[str, str] = {}
        self._given: Mapping[str, str] = {}

    def run(self, dockerfile: str, arguments: Mapping[str, str]) -> None:
        """Carries out every instruction.

        Args:
            dockerfile: its path in the context.
            arguments: values for its ARG instructions.

        Raises:
            DockerfileError: it cannot be built; the message names the line.
        """
        file = self.context / dockerfile
        if not file.resolve().is_relative_to(self.context.resolve()) or not file.is_file():
            raise DockerfileError(f"there is no '{dockerfile}' in the build context")
        self._given = arguments
        steps = parse(file.read_text())
        for number, step in enumerate(steps, 1):
            self.say(f"Step {number}/{len(steps)} : {step}")
            getattr(self, f"_{step.name.lower()}")(step)

    @property
    def variables(self) -> dict[str, str]:
        """Arguments declared so far; environment variables win over them."""
        return {**self._arguments, **environment(self.image.configuration)}

    def directory(self, path: str) -> str:
        """A path in the image, from the root."""
        base = self.image.configuration.get("WorkingDir") or "/"
        ends = "/" if path.endswith(("/", "/.")) or path == "." else ""
        joined = posixpath.normpath(posixpath.join(base, path))
        return joined if joined == "/" else joined + ends

    # -- instructions

    def _from(self, step: Instruction) -> None:
        flags, rest = step.flags()
        words = step.words(self._arguments, rest)
        if flags.get("platform", "linux/amd64") != "linux/amd64":
            raise step.error(f"names platform {flags['platform']}; the emulator builds linux/amd64")
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
            raise step.error("needs an image, and nothing else than AS with a name")
        self._arguments = {}
        if words[0] == "scratch":
            return
        reference = self._reference(step, words[0])
        digest = self.files.digest(reference.repository, reference.version)
        if digest is None:
            raise step.error(f"names {words[0]}, which is not in the registry")
        self.image, self.base = read_image(self.files, digest), reference.repository
        self.say(f" ---> {digest}")

    def _reference(self, step: Instruction, text: str) -> ImageReference:
        try:
            reference = ImageReference.parse(text)
        except ValueError as error:
            raise step.error(f"is not understood: {error}") from None
        if reference.server != self.login_server:
            own = f"import it and name it as {self.login_server}/<repository>"
            raise step.error(f"names {text}, which is not in this registry, and the emulator has no internet: {own}")
        return reference

    def _arg(self, step: Instruction) -> None:
        for word in step.words(self.variables):
            name, given, default = word.partition("=")
            if name in self._given:
                self._arguments[name] = self._given[name]
            elif given:
                self._arguments[name] = default

    def _copy(self, step: Instruction) -> None:
        flags, rest = step.flags()
        if unknown := flags.keys() - {"chown", "link"}:
            raise step.error(f"--{min(unknown)} is not built by the emulator")
        words = step.words(self.variables, rest)
        if len(words) < 2:
            raise step.error("needs a source and a target")
        owner = self._owner(step, expand(flags.get("chown", "0:0"), self.variables))
        entries = copied(self.context, step, words[:-1], self.directory(words[-1]), owner)
        layer = write_layer(entries, self.work / f"layer-{len(self.image.layers)}", self._cache)
        self.image.add(layer, str(step))
        self.say(f" ---> {layer.digest} ({layer.size} bytes)")

    def _owner(self, step: Instruction, text: str) -> tuple[int, int]:
        user, _, group = text.partition(":")
        try:
            return tuple(USERS[name] if name in USERS else int(name) for name in (user, group or user))  # type: ignore[return-value]
        except ValueError:
            raise step.error(f"--chown={text}: the emulator needs numbers, such as 10001:10001") from None

    def _env(self, step: Instruction) -> None:
        merged = {**environment(self.image.configuration), **step.pairs(self.variables)}
        self._configure(step, Env=[f"{name}={value}" for name, value in merged.items()])

    def _label(self, step: Instruction) -> None:
        labels = self.image.configuration.get("Labels") or {}
        self._configure(step, Labels={**labels, **step.pairs(self.variables)})

    def _user(self, step: Instruction) -> None:
        self._configure(step, User=expand(step.value, self.variables))

    def _workdir(self, step: Instruction) -> None:
        self._configure(step, WorkingDir=posixpath.normpath(self.directory(expand(step.value, self.variables))))

    def _expose(self, step: Instruction) -> None:
        ports = [word if "/" in word else f"{word}/tcp" for word in step.words(self.variables)]
        known = self.image.configuration.get("ExposedPorts") or {}
        self._configure(step, ExposedPorts={**known, **{port: {} for port in ports}})

    def _entrypoint(self, step: Instruction) -> None:
        self.image.configuration.pop("Cmd", None)  # Docker drops the base image's
        self._configure(step, Entrypoint=step.command())

    def _cmd(self, step: Instruction) -> None:
        self._configure(step, Cmd=step.command())

    def _volume(self, step: Instruction) -> None:
        self._configure(step, Volumes={path: {} for path in step.words(self.variables)})

    def _stopsignal(self, step: Instruction) -> None:
        self._configure(step, StopSignal=expand(step.value, self.variables))

    def _healthcheck(self, step: Instruction) -> None:
        self.say("Warning: HEALTHCHECK is left out: Azure's container services do not look at it")

    def _maintainer(self, step: Instruction) -> None:
        self.image.note(str(step))

    def _configure(self, step: Instruction, **values: Any) -> None:
        self.image.configuration.update(values)
        self.image.note(str(step))


def environment(configuration: Mapping[str, Any]) -> dict[str, str]:
    """An image's environment variables."""
    return dict(line.split("=", 1) for line in configuration.get("Env") or [] if "=" in line)
