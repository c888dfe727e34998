"""Reads Dockerfiles: https://docs.docker.com/reference/dockerfile/. What cannot be built without running something in
the image is refused, with its line.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BUILT = (
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
)
REFUSED = {
    "RUN": "needs a container engine to run in; install packages into a folder beside the Dockerfile and COPY it",
    "ADD": "fetches and unpacks; COPY the files themselves",
    "ONBUILD": "acts in later builds",
    "SHELL": "matters to RUN alone",
}
VARIABLE = re.compile(r"\$(?:(?P<plain>\w+)|\{(?P<name>\w+)(?:(?P<rule>:[-+])(?P<word>[^}]*))?\})")
ESCAPED, MARK = r"\$", "\0"


class DockerfileError(Exception):
    """A Dockerfile that cannot be built here; the message names line and instruction."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: the line it begins on, its name in upper case, and what follows the name."""

    line: int
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name} {self.value}"

    def error(self, problem: str) -> DockerfileError:
        """An error that names this instruction."""
        return DockerfileError(f"Dockerfile, line {self.line}: {self.name} {problem}")

    def flags(self) -> tuple[dict[str, str], str]:
        """Leading `--name=value` words, and the rest."""
        flags, rest = {}, self.value
        while rest.startswith("--"):
            word, _, rest = rest.partition(" ")
            name, _, value = word[2:].partition("=")
            flags[name], rest = value, rest.lstrip()
        return flags, rest

    def words(self, variables: Mapping[str, str], text: str | None = None) -> list[str]:
        """The words of the value, quotes and variables resolved; a JSON list is taken as it is."""
        text = self.value if text is None else text
        listed = json_list(text)
        if listed is not None:
            return listed
        try:
            return [expand(word, variables) for word in shlex.split(text.replace(ESCAPED, MARK))]
        except ValueError as error:
            raise self.error(f"cannot be read: {error}") from None

    def command(self) -> list[str]:
        """A command in exec form; the shell form becomes one for `/bin/sh`."""
        listed = json_list(self.value)
        return listed if listed is not None else ["/bin/sh", "-c", self.value]

    def pairs(self, variables: Mapping[str, str]) -> dict[str, str]:
        """`name=value` words, or the older `name value`."""
        words = self.words(variables)
        if words and "=" not in words[0]:
            if len(words) < 2 or self.name == "LABEL":
                raise self.error(f"needs name=value, not '{self.value}'")
            return {words[0]: " ".join(words[1:])}
        if wrong := [word for word in words if "=" not in word]:
            raise self.error(f"needs name=value, not '{wrong[0]}'")
        return dict(word.split("=", 1) for word in words)


def parse(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile with one stage.

    Raises:
        DockerfileError: it is empty, cannot be read, or asks for what cannot be built here.
    """
    found = [instruction for instruction in instructions(text) if accepted(instruction)]
    stages = [instruction for instruction in found if instruction.name == "FROM"]
    if not stages:
        raise DockerfileError("the Dockerfile has no FROM")
    if len(stages) > 1:
        raise stages[1].error("begins a second stage, which the emulator does not build: give it a Dockerfile of one")
    before = found[: found.index(stages[0])]
    if wrong := [instruction for instruction in before if instruction.name != "ARG"]:
        raise wrong[0].error("comes before FROM")
    return found


def accepted(instruction: Instruction) -> bool:
    """True, or an error that says why an instruction is not built."""
    if instruction.name in REFUSED:
        raise instruction.error(f"is not built by the emulator: it {REFUSED[instruction.name]} ('{instruction}')")
    if instruction.name not in BUILT:
        raise instruction.error("is no instruction of a Dockerfile")
    if not instruction.value:
        raise instruction.error("needs a value")
    if instruction.name == "COPY" and re.search(r"(^|\s)<<", instruction.value):
        raise instruction.error("from the Dockerfile itself (<<) is not built by the emulator: COPY a file")
    return True


def instructions(text: str) -> Iterator[Instruction]:
    """Logical lines: comments gone, continued lines joined."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            if re.match(r"#\s*escape\s*=", stripped, re.IGNORECASE):
                raise DockerfileError(
                    f"Dockerfile, line {number}: another escape character is not built by the emulator"
                )
            continue
        if not stripped:
            continue
        start = start or number
        if line.rstrip().endswith("\\"):
            pending += line.rstrip()[:-1]
            continue
        name, _, value = (pending + line).strip().partition(" ")
        yield Instruction(start, name.upper(), value.strip())
        pending, start = "", 0
    if pending:
        raise DockerfileError(f"Dockerfile, line {start}: the last line is continued by nothing")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$name`, `${name}`, `${name:-default}` and `${name:+alternative}`."""

    def replace(match: re.Match[str]) -> str:
        value = variables.get(match["plain"] or match["name"], "")
        if match["rule"] == ":-":
            return value or match["word"]
        return (match["word"] if value else "") if match["rule"] == ":+" else value

    return VARIABLE.sub(replace, text.replace(ESCAPED, MARK)).replace(MARK, "$")


def json_list(text: str) -> list[str] | None:
    """A JSON list of strings, None when it is something else."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(word, str) for word in value) else None
