"""Runs the Pulumi CLI for one stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from tools.progress import SetupError
from tools.stacks import Stack
from tools.state_file import StateFile, backend_folder
from tools.versions import ROOT

POLL_SECONDS = 0.5
GRACE_SECONDS = 1.5
LOOK_SECONDS = 0.1


def ended(
    process: subprocess.Popen[bytes], hopeless: Callable[[], str], meanwhile: Callable[[], None] | None = None
) -> int:
    """Waits for Pulumi and returns its exit code; interrupts it when there is no point in going on.

    Once lets it end what it has begun, twice ends it at once: a lock and pending operations then stay for `recover`.
    What is to be done `meanwhile` is done several times a second.
    """
    while True:
        try:
            return process.wait(LOOK_SECONDS if meanwhile else POLL_SECONDS)
        except subprocess.TimeoutExpired:
            why = hopeless()
        if meanwhile:
            meanwhile()
        if why:
            for number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
                process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE_SECONDS)
            process.wait()
            raise SetupError(why)


class Written:
    """Lines that another process adds to a file; its own place in it is left alone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._place = 0
        self._rest = b""

    def lines(self, *, last: bool = False) -> Iterator[str]:
        """What is new; the `last` time a line that has not ended too."""
        while more := os.pread(self._descriptor, 1 << 20, self._place):
            self._place += len(more)
            *whole, self._rest = (self._rest + more).split(b"\n")
            yield from (text.decode(errors="replace") for text in whole)
        if last and self._rest:
            yield self._rest.decode(errors="replace")


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

    def show(self, *words: str, hopeless: Callable[[], str] = lambda: "") -> int:
        """Runs a command whose output the person sees; Ctrl-C is Pulumi's to answer. Returns its exit code.

        Args:
            hopeless: asked while Pulumi runs; says why there is no point in going on, "" as long as there is.

        Raises:
            SetupError: it was interrupted because there was no point; the message says why.
        """
        with self._started(self.command(*words)) as process:
            return ended(process, hopeless)

    def follow(
        self,
        words: Sequence[str],
        line: Callable[[str], None],
        tick: Callable[[], None],
        hopeless: Callable[[], str] = lambda: "",
    ) -> int:
        """Like `show`, but what Pulumi writes is handed on line by line.

        It writes to a file without a name, not to a pipe: were this process killed, Pulumi would go on to its end.

        Args:
            tick: called several times a second.

        Returns:
            Pulumi's exit code.
        """
        command = ["pulumi", *words, "--stack", self.stack.name, "--non-interactive"]
        with tempfile.TemporaryFile() as file, self._started(command, stdout=file, stderr=subprocess.STDOUT) as process:
            written = Written(file.fileno())

            def hand_on() -> None:
                for text in written.lines():
                    line(text)
                tick()

            code = ended(process, hopeless, hand_on)
            for text in written.lines(last=True):
                line(text)
            return code

    @contextmanager
    def _started(self, command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """A process that gets the signals which this one is sent."""
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
            process = subprocess.Popen(command, cwd=self.project, env=self.environment, **options)
            for number in early:
                process.send_signal(number)
            yield process
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
            self.require_state()
            raise SetupError(f"`pulumi {' '.join(words)}` failed:\n{(done.stderr or done.stdout).strip()}")
        return done.stdout

    def state_file(self) -> StateFile | None:
        """Where a file backend keeps the stack; None for any other backend."""
        backend = backend_folder(self.environment.get("PULUMI_BACKEND_URL", ""))
        if backend is None:
            return None
        name = str(yaml.safe_load((self.project / "Pulumi.yaml").read_text())["name"])
        return StateFile(backend, name, self.stack.name)

    def require_state(self) -> None:
        """Sees to it that a file backend's state can be read; Pulumi's own words do not say what to do.

        Raises:
            SetupError: it cannot.
        """
        state = self.state_file()
        if state is not None:
            state.checkpoint()

    def exists(self) -> bool:
        """Whether the backend has the stack."""
        state = self.state_file()
        if state is not None and state.file.is_file():
            return True
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

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state."""
        return list(self.snapshot().get("resources") or [])

    def snapshot(self) -> dict[str, Any]:
        """The state without its envelope; a file backend's file is read without starting the CLI."""
        state = self.state_file()
        content = state.checkpoint() if state is not None else {}
        return content or dict(self.export()["deployment"])

    def export(self) -> dict[str, Any]:
        """The whole state, secrets encrypted."""
        return dict(json.loads(self.read("stack", "export")))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; secrets stay hidden."""
        return dict(json.loads(self.read("stack", "output", "--json")))
