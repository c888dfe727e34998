"""Runs the Pulumi CLI for one stack."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from tools.progress import SetupError
from tools.stacks import Stack
from tools.versions import ROOT


class Pulumi:
    """The CLI in a checkout, with the environment of one stack."""

    def __init__(self, stack: Stack, environment: Mapping[str, str], project: Path = ROOT) -> None:
        self.stack = stack
        self.environment = dict(environment)
        self.project = project

    def command(self, *words: str) -> list[str]:
        """A command line that needs no terminal unless there is one."""
        quiet = [] if sys.stdout.isatty() else ["--non-interactive"]
        return ["pulumi", *words, "--stack", self.stack.name, *quiet]

    def show(self, *words: str) -> int:
        """Runs a command whose output the person sees; Ctrl-C is Pulumi's to answer. Returns its exit code."""
        interrupted_by_terminal = sys.stdin.isatty()
        process: subprocess.Popen[bytes] | None = None
        early: list[int] = []  # what came while Pulumi was being started: it would otherwise be left behind, running

        def interrupt(number: int, frame: FrameType | None) -> None:
            if interrupted_by_terminal:
                return  # a terminal has sent it to Pulumi already; twice means: terminate at once
            if process is None:
                early.append(number)
            else:
                process.send_signal(number)

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            process = subprocess.Popen(self.command(*words), cwd=self.project, env=self.environment)
            for number in early:
                process.send_signal(number)
            return process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def read(self, *words: str, given: str | None = None) -> str:
        """What a command prints.

        Raises:
            SetupError: it failed; the message is what it wrote.
        """
        done = subprocess.run(
            self.command(*words),
            cwd=self.project,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SetupError(f"`pulumi {' '.join(words)}` failed:\n{(done.stderr or done.stdout).strip()}")
        return done.stdout

    def exists(self) -> bool:
        """Whether the backend has the stack."""
        command = ["pulumi", "stack", "ls", "--json", "--non-interactive"]
        done = subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SetupError(f"`pulumi stack ls` failed: {(done.stderr or done.stdout).strip()}")
        names = {entry["name"].rsplit("/", 1)[-1] for entry in json.loads(done.stdout or "[]")}
        return self.stack.name in names

    def create(self) -> None:
        """Makes the stack; its committed configuration stays as it is."""
        self.read("stack", "init", "--no-select")

    def export(self) -> dict[str, Any]:
        """The whole state, secrets encrypted."""
        return dict(json.loads(self.read("stack", "export")))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; secrets stay hidden."""
        return dict(json.loads(self.read("stack", "output", "--json")))
