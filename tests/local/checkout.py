"""A copy of this checkout, driven as a person drives it: `make`'s verbs, and `pulumi` in the shell of `make env`."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.copies import copy_checkout
from tools.rehearsal import place

ROWS = 500
STEP_SECONDS = 400
JOBS = "microsoft.machinelearningservices/workspaces/jobs"
DATA = "microsoft.machinelearningservices/workspaces/data/versions"
# A person's own settings must not reach the copy.
FOREIGN = (*place.FOREIGN, "MLOPS_")


@dataclass(frozen=True)
class JobRow:
    """A job as the emulator's store has it."""

    name: str
    status: str
    archived: bool


class Checkout:
    """One copy; `data` is the folder that serves as its real data: generated `rows` unless one is given."""

    def __init__(self, folder: Path, data: Path | None = None, rows: int = ROWS) -> None:
        self.folder = copy_checkout(folder / "checkout")
        self._only("bike_buyer")
        self.data = data or folder / "data"
        if data is None:
            self._generate(rows)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.environment = {**kept, "MLOPS_DATA_DIR": str(self.data), "CI": "true"}
        self._shells: dict[object, dict[str, str]] = {}

    def _generate(self, rows: int) -> None:
        self.data.mkdir()
        generator = [sys.executable, "-m", "ml.systems.bike_buyer.generator"]
        options = ["--rows", str(rows), "--seed", "11", "--output", str(self.data)]
        subprocess.run([*generator, *options], cwd=self.folder, check=True, capture_output=True)
        self.data.joinpath("generated.json").unlink()

    def _only(self, system: str) -> None:
        """The local stack has this system alone: what is tested with a stack is tested with few things in it."""
        path = self.folder / "stacks" / "Pulumi.local.yaml"
        path.write_text(re.sub(r"(?<=mlops:systems:\n)(    .*\n)+", f"    - {system}\n", path.read_text()))

    def commit(self, author: str) -> None:
        """Makes it a repository of somebody's, as a clone is one."""
        settings = ["-c", f"user.email={author.split()[0].lower()}@example.com", "-c", f"user.name={author}"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "as cloned"], ["config", "user.name", author]):
            subprocess.run(["git", *settings, *words], cwd=self.folder, check=True)
        for variable in ("GITHUB_ACTOR", "BUILD_REQUESTEDFOR"):  # or who started these tests would be the author
            self.environment.pop(variable, None)

    # -- what a person types

    def tool(self, *words: str, check: bool = True) -> str:
        """`make <verb>` without its set-up."""
        return self._run([".venv/bin/python", "-m", "tools", *words], check=check)

    def pulumi(self, words: str, *, check: bool = True, stack: str = "local") -> str:
        """`pulumi` in the shell that `make env` prepares for a stack."""
        return self.run_in(self.shell(stack), ["pulumi", *shlex.split(words)], check=check)

    def in_system(self, verb: str, *, check: bool = True, **variables: str) -> str:
        """`make <verb> SYSTEM=bike-buyer NAME=value`, without its set-up; only what it prints to stdout."""
        told = {"STACK": "local", "SYSTEM": "bike-buyer", **variables}
        words = " ".join(f"{name}={shlex.quote(value)}" for name, value in told.items())
        return self._run(["bash", "-c", f"{words} .venv/bin/python -m tools {verb}"], check=check)

    def typed(self, text: str) -> str:
        """Command lines as a page has them, in one shell; `make` leaves out its set-up, and who is asked agrees."""
        agreed = {"MAKEFLAGS": "PYTHON=true", "PULUMI_SKIP_CONFIRMATIONS": "true"}
        return self._run(
            ["env", *(f"{name}={value}" for name, value in agreed.items()), "bash", "-ec", text], check=True
        )

    def script(self, source: str, *arguments: str) -> str:
        """A Python script in the stack's shell."""
        return self.run_in(self.shell(), [".venv/bin/python", "-c", source, *arguments])

    def module(self, name: str, *arguments: str) -> str:
        """A module of this checkout in the stack's shell; what it prints."""
        return self.run_in(self.shell(), [".venv/bin/python", "-m", name, *arguments])

    def shell(self, stack: str = "local") -> dict[str, str]:
        """The variables of that shell, asked for once: they follow from these and from what the emulator keeps."""
        kept = self.folder / ".emulator/settings.json"
        known = (stack, self.folder, kept.read_text() if kept.exists() else "", tuple(sorted(self.environment.items())))
        if known not in self._shells:
            command = ["bash", "-c", f'eval "$(.venv/bin/python -m tools env {stack})"; env -0']
            said = self.run_in(self.environment, command)
            self._shells[known] = dict(entry.split("=", 1) for entry in said.split("\0") if "=" in entry)
        return self._shells[known]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts a verb and goes on."""
        return subprocess.Popen(
            [".venv/bin/python", "-m", "tools", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs of the bike buyer."""
        found: dict[str, Any] = json.loads(self.pulumi("stack output --json -s local"))
        return dict(found.get("bike_buyer", {}))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces a text that must be in a file."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new))

    def move(self, name: str) -> None:
        """Gives the checkout another place, whatever runs in it."""
        self.folder = self.folder.rename(self.folder.with_name(name))

    def _run(self, command: list[str], *, check: bool) -> str:
        return self.run_in(self.environment, command, check=check)

    def run_in(self, environment: dict[str, str], command: list[str], *, check: bool = True) -> str:
        """A command with these variables: what it prints to stdout; of what a person types, or that is to fail, all."""
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        text = result.stdout + result.stderr
        assert not check or result.returncode == 0, text[-6000:]
        assert check or result.returncode != 0, f"should have failed:\n{text[-6000:]}"
        typed = command[0] == "env" or command[1:3] == ["-m", "tools"]
        return text if typed or not check else result.stdout

    # -- what the cloud has

    def rows(self, resource_type: str) -> list[tuple[str, dict[str, Any]]]:
        """Name and body of every document of a type, oldest first."""
        database = sqlite3.connect(f"file:{self.folder}/.emulator/emulator.db?mode=ro", uri=True)
        try:
            query = "select id, body from documents where type = ? order by sequence"
            return [
                (row[0].rpartition("/")[2], json.loads(row[1])) for row in database.execute(query, (resource_type,))
            ]
        finally:
            database.close()

    def jobs(self) -> list[JobRow]:
        """All training jobs, oldest first."""
        bodies = [(name, body["properties"]) for name, body in self.rows(JOBS) if "-gate-" not in name]
        return [JobRow(name, body["status"], bool(body.get("isArchived"))) for name, body in bodies]

    def data_versions(self) -> list[str]:
        """All data versions, oldest first."""
        return [name for name, _ in self.rows(DATA)]

    def left_in_the_cloud(self) -> dict[str, int]:
        """How many ARM documents, blobs and MLflow runs there are; a soft-deleted workspace keeps deleted runs."""
        state = self.folder / ".emulator"
        return {
            "documents": count(state / "emulator.db", "documents"),
            "blobs": sum(1 for path in (state / "blobs" / "content").rglob("*") if path.is_file()),
            "runs": count(state / "mlflow" / "mlflow.db", "runs where lifecycle_stage = 'active'"),
        }

    def documents_with(self, text: str) -> int:
        """How many documents hold a text, in what clients see or in what the emulator keeps beside it."""
        database = self.folder / ".emulator" / "emulator.db"
        return count(database, f"documents where instr(body || private, '{text}')")

    def emulator_pid(self) -> int:
        """The emulator's process."""
        return int(json.loads(self.folder.joinpath(".emulator/emulator.pid").read_text())["pid"])


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Polls until the condition holds; fails naming what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def kill(pid: int) -> None:
    """What no process can refuse."""
    os.kill(pid, signal.SIGKILL)


def count(database: Path, table: str) -> int:
    """Rows of a table."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return int(connection.execute(f"select count(*) from {table}").fetchone()[0])
    finally:
        connection.close()
