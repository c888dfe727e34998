"""One exploratory run of a system's training, here and now: the code that its jobs run, with no cluster and no gate.

What comes out lies in `outputs/<system>` and goes no further: a model serves only after a job of its own and a verdict.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml.data import contract
from ml.data.choice import generated_wanted, named_folder
from ml.data.source import MARK, DataSourceError, Generator, generated_source, real_source
from ml.jobkit.errors import JobError
from ml.system import find, folder
from tools import shell
from tools.data_origin import DataOrigin, remembered
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.stacks import PROJECT, Stack, folder_name
from tools.versions import ROOT

OUTPUTS = "outputs"


@dataclass(frozen=True)
class Run:
    """What is about to be run: a system on the data of a folder."""

    system: str
    data: Path

    @property
    def line(self) -> str:
        """Where the data comes from, in one line."""
        kind = "generated (seeded)" if (self.data / MARK).exists() else "the files"
        return f"Data: {kind} in {self.data}"

    def command(self, words: Sequence[str]) -> list[str]:
        """`words` are options of the training: a hyperparameter, `--data`, `--output`."""
        where = ["--data", str(self.data), "--output", f"{OUTPUTS}/{self.system}"]
        return [sys.executable, "-u", "-m", "ml.jobkit.train", "--system", self.system, *where, *words]

    def start(self, words: Sequence[str]) -> int:
        """Runs it to its end; the exit code."""
        environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
        return subprocess.run(self.command(words), cwd=ROOT, env=environment, check=False).returncode


def named(stack: Stack, system: str) -> str:
    """The system that is meant, as its folder is called: it need not be part of the stack.

    Raises:
        SetupError: there is no such system, or it has to be named.
    """
    there = sorted(file.parent.name for file in ROOT.glob("ml/systems/*/system.py"))
    listed = [str(name) for name in stack.configuration().get("config", {}).get(f"{PROJECT}:systems") or []]
    if not system and len(listed) == 1:
        return listed[0]
    if not system:
        raise SetupError(f"SYSTEM is missing: write for instance SYSTEM={there[0]} (there are {', '.join(there)})")
    if folder_name(system) not in there:
        raise SetupError(f"SYSTEM={system}: there is no such system; there are {', '.join(there)}")
    return folder_name(system)


def prepare(stack: Stack, system: str, environment: Mapping[str, str] = os.environ) -> Run:
    """What to run, with the data that the stack would take: named, or remembered from its last `up`, or generated.

    Raises:
        SetupError: there is no such system, or its data cannot be used.
    """
    name = named(stack, system)
    try:
        return Run(name, data_of(origin(stack, environment), name))
    except (DataSourceError, JobError) as error:
        raise SetupError(str(error)) from None


def origin(stack: Stack, environment: Mapping[str, str]) -> DataOrigin:
    """What was said of the data, and what a stack with a state on this machine remembers of it."""
    state = Pulumi(stack, shell.environment(stack, environment)).state_file()
    found = state.checkpoint().get("resources") or [] if state else []
    return DataOrigin(stack, environment, remembered(found))


def data_of(said: DataOrigin, system: str) -> Path:
    """The folder with the system's data.

    Raises:
        DataSourceError: it lacks a file.
        SetupError: it is not there.
    """
    spec, names = find(system), contract.load(folder(system)).names
    generated = generated_wanted(said.environment)
    place = named_folder(said.given, None if generated else said.configured_of(system), names)
    if place and not (spec.data.usual and not any(Path(ROOT, place, name).is_file() for name in names)):
        real_source(said.existing(place), names)
        return said.existing(place)
    asset = f"{system.replace('_', '-')}-{spec.data.name}"
    known = [one.folder for one in said.remembered if one.asset == asset and one.folder]
    if known and not generated:
        return known[0].resolve()
    made = generated_source(Generator.from_inputs(spec.data.generator(system)), names).folder
    assert made is not None  # noqa: S101 - a generator writes files
    return made
