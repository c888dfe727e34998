"""A small Pulumi project with toy dynamic resources, run by the real engine; a folder of files stands for the cloud."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tools import shell
from tools.pulumi_cli import Pulumi
from tools.stacks import Stack
from tools.versions import ROOT

STACK = "toy"
PROJECT = "toy"
DEADLINE = 30.0
MANIFEST = f"""
name: {PROJECT}
runtime: {{name: python, options: {{virtualenv: {ROOT}/.venv}}}}
plugins: {{providers: [{{name: pulumi-python, path: {ROOT}/tools/bin}}]}}
"""
PROGRAM = """
import json, os
from toy_resources import Toy

for name, seconds in json.loads(os.environ["TOYS"]).items():
    Toy(name, seconds)
"""
RESOURCES = """
import json, os, tempfile, time
from pathlib import Path
from pulumi import dynamic
from ml import progress

CLOUD = Path(os.environ["TOY_CLOUD"])


def record(verb, name):
    with (CLOUD / "calls.log").open("a") as log:
        log.write(json.dumps([verb, name, time.time()]) + "\\n")


class ToyProvider(dynamic.ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        record("begin", props["name"])
        if props["seconds"] < 0:
            raise progress.Failure(f"{props['name']}: seconds is {props['seconds']:.0f}; write 0 or more")
        Path(tempfile.mkdtemp(), "staged").touch()
        for second in range(int(props["seconds"])):
            progress.status(f"second {second}")
            progress.wait(1)
        (CLOUD / f"{props['name']}.json").write_text("{}")
        record("end", props["name"])
        return dynamic.CreateResult(props["name"], props)

    def read(self, id_, props):
        there = (CLOUD / f"{id_}.json").exists()
        return dynamic.ReadResult(id_ if there else "", props if there else {})

    def delete(self, id_, props):
        (CLOUD / f"{id_}.json").unlink(missing_ok=True)


class Toy(dynamic.Resource, module="toy", name="Toy"):
    def __init__(self, name, seconds):
        super().__init__(ToyProvider(), name, {"name": name, "seconds": seconds})
"""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
    """Polls until the condition holds; fails naming what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.05)


@dataclass
class Project:
    """The project in a folder of its own, with its own backend and Pulumi home."""

    folder: Path
    program: str = PROGRAM
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cloud.mkdir(parents=True)
        for name, text in (("Pulumi.yaml", MANIFEST), ("__main__.py", self.program), ("toy_resources.py", RESOURCES)):
            (self.folder / name).write_text(text)
        self.run("stack", "init", STACK)

    @property
    def cloud(self) -> Path:
        return self.folder / "cloud"

    @property
    def backend(self) -> Path:
        return self.folder / "state"

    def environment(self, toys: Mapping[str, float] | None = None) -> dict[str, str]:
        own = {"PYTHONPATH": str(ROOT), "TOY_CLOUD": str(self.cloud), "TOYS": json.dumps(dict(toys or {}))}
        prepared = {**shell.common(os.environ), **shell.contained(self.backend, self.folder / "home")}
        # Somebody who tests in the shell of a stack means that stack by this variable, not this project's.
        inherited = {name: value for name, value in os.environ.items() if name != "PULUMI_STACK"}
        return {**inherited, **prepared, **own, **self.extra}

    def cli(self, toys: Mapping[str, float] | None = None) -> Pulumi:
        return Pulumi(Stack(STACK, "emulator", self.folder / "unused"), self.environment(toys), self.folder)

    def run(self, *words: str, toys: Mapping[str, float] | None = None, code: int = 0) -> str:
        """Runs the CLI to its end and returns all it printed."""
        command = ["pulumi", *words, "--non-interactive"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(toys), capture_output=True, text=True, timeout=120
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"pulumi {' '.join(words)} ended with {done.returncode}:\n{said}"
        return said

    def up(self, *words: str, toys: Mapping[str, float], code: int = 0) -> str:
        return self.run("up", "--yes", "--skip-preview", "--stack", STACK, *words, toys=toys, code=code)

    def start_up(self, toys: Mapping[str, float]) -> subprocess.Popen[str]:
        """Starts an `up` and returns once the first create has begun."""
        command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(toys),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        before = len(self.calls())
        wait_until(lambda: len(self.calls()) > before or process.poll() is not None, "the first create")
        assert process.poll() is None, process.communicate()[0]
        return process

    def calls(self) -> list[list[Any]]:
        """Every recorded call: verb, name, time."""
        log = self.cloud / "calls.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def objects(self) -> set[str]:
        """What the cloud holds."""
        return {file.stem for file in self.cloud.glob("*.json")}


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Every process the CLI started, itself not included."""
    return psutil.Process(process.pid).children(recursive=True)


def kill(process: subprocess.Popen[str]) -> None:
    """Ends the CLI as the system's out-of-memory killer would."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
