"""A container as others see it: its state now and before, restarts, events, log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from emulator.containers.event import Event, recorded
from emulator.containers.log_file import LogFile
from emulator.containers.specification import ContainerSpecification

StateName = Literal["Waiting", "Running", "Terminated"]


@dataclass(frozen=True)
class ContainerState:
    """One state; times in seconds since the epoch. `reason` is one of Kubernetes' words, `message` says more; `cause`
    is why the emulator ended a run that did not end by itself.
    """

    name: StateName
    reason: str = ""
    message: str = ""
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    cause: str = ""


class Container:
    """Written by its keeper, in one thread; read by any."""

    def __init__(self, specification: ContainerSpecification, log: LogFile) -> None:
        self.specification = specification
        self.log = log
        self.current = ContainerState("Waiting", "ContainerCreating")
        self.previous: ContainerState | None = None
        self.ready = False
        self.restarts = 0
        self.events: list[Event] = []
        self._changed = threading.Condition()

    # -- reading

    @property
    def state(self) -> StateName:
        """Waiting (for its image or its next start), Running or Terminated (and not to be started again)."""
        return self.current.name

    @property
    def reason(self) -> str:
        """Why it is in this state: `CrashLoopBackOff`, `ImagePullBackOff`, `OOMKilled`, `Error`, `Completed` …"""
        return self.current.reason

    @property
    def message(self) -> str:
        """A sentence for a person about this state."""
        return self.current.message

    @property
    def exit_code(self) -> int | None:
        """Of the last run that ended, 128 + n after signal n; None before the first end."""
        if self.current.exit_code is not None:
            return self.current.exit_code
        return self.previous.exit_code if self.previous else None

    @property
    def cause(self) -> str:
        """Why the emulator ended the last run that ended; empty when the program ended by itself, or never did."""
        ended = self.current if self.state == "Terminated" else self.previous
        return ended.cause if ended else ""

    @property
    def started(self) -> float | None:
        """When the present (or, when it does not run, the last) run began."""
        if self.current.started is not None:
            return self.current.started
        return self.previous.started if self.previous else None

    def logs(self, lines: int | None = None) -> str:
        """What it wrote, or the last lines of it."""
        return self.log.read(lines)

    def wait(self, until: Callable[[Container], bool], timeout: float) -> bool:
        """Waits until the condition holds for this container; False when it did not in time (seconds)."""
        with self._changed:
            return self._changed.wait_for(lambda: until(self), timeout)

    # -- writing

    def enter(self, state: ContainerState) -> None:
        """Moves to another state; a run that ended becomes the previous one."""
        with self._changed:
            if self.current.name == "Terminated":
                self.previous = self.current
            self.current = state
            self.ready = self.ready and state.name == "Running"
            self._changed.notify_all()

    def set_ready(self, ready: bool) -> None:
        """Whether it takes requests."""
        with self._changed:
            self.ready = ready
            self._changed.notify_all()

    def record(self, name: str, message: str, *, warning: bool = False) -> None:
        """Keeps an event."""
        with self._changed:
            self.events = recorded(self.events, name, message, warning=warning)
            self._changed.notify_all()

    def count_restart(self) -> None:
        """One more restart."""
        with self._changed:
            self.restarts += 1
            self._changed.notify_all()

    def ended(self, code: int, reason: str, cause: str) -> ContainerState:
        """The present run as a run that ended now."""
        return ContainerState("Terminated", reason, "", self.current.started, time.time(), code, cause)
