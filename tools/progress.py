"""Shows that long work goes on: one live line in a terminal, else a new line at least every ten seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


class SetupError(Exception):
    """Something a person has to do first; the message says what."""


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Step:
    """One piece of work under way; `detail` says how far it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.detail = ""
        self.started = time.monotonic()

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.name}{detail} ({duration(time.monotonic() - self.started)})"


class Progress:
    """Writes to stderr, so that a command's own output stays clean."""

    def __init__(self, stream: TextIO | None = None, every: float = 10.0) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.every = 0.2 if self.live else every
        self.took: list[tuple[str, float]] = []

    def say(self, text: str) -> None:
        """One line that stays."""
        self.stream.write(("\r\x1b[K" if self.live else "") + text + "\n")
        self.stream.flush()

    def _tick(self, step: Step) -> None:
        if self.live:
            self.stream.write(f"\r\x1b[K{str(step)[: os.get_terminal_size(self.stream.fileno()).columns - 1]}")
            self.stream.flush()
        else:
            self.say(str(step))

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Reports one step while it runs and how long it took."""
        step, ended = Step(name), threading.Event()

        def tick() -> None:
            while not ended.wait(self.every):
                self._tick(step)

        ticker = threading.Thread(target=tick, daemon=True)
        if not self.live:
            self.say(f"{name} …")
        ticker.start()
        try:
            yield step
        finally:
            ended.set()
            ticker.join()
        seconds = time.monotonic() - step.started
        self.took.append((name, seconds))
        self.say(f"{name}: done in {duration(seconds)}")


def run(
    command: Sequence[str],
    step: Step,
    describe: Callable[[str], str | None] = lambda line: None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs a command quietly; `describe` turns a line of its output into the step's detail.

    Raises:
        SetupError: the command failed; the message ends with the last lines it wrote.
    """
    tail: deque[str] = deque(maxlen=15)
    with subprocess.Popen(
        command, cwd=cwd, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        try:
            for line in process.stdout:
                tail.append(line.rstrip())
                step.detail = describe(line.rstrip()) or step.detail
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise SetupError(
            f"{step.name} failed: `{' '.join(command[:4])} …` ended with {process.returncode}\n  " + "\n  ".join(tail)
        )
