"""What is particular to a kind of run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum

from emulator.runtime import ProcessHandle, Runtime
from emulator.store import Document

CANCEL_SECONDS = 15.0


class Interrupted(Exception):
    """The emulator stops: the run keeps its status, and the next start takes it up."""


class Canceled(Exception):
    """The run's end was asked for, or its document is gone."""


class Step(Enum):
    """Where the scheduler is with a run."""

    WAITING = "waiting"
    STARTING = "starting"
    GOING = "going"
    ENDING = "ending"


@dataclass
class OpenRun:
    """A run that has not ended, in memory.

    `place` is what it occupies (a compute, say), empty for nothing in particular. `aside` does something in the pool
    that the run need not wait for. Work in a thread calls `check` now and then, which raises `Canceled` when the run's
    end was asked for and `Interrupted` when the emulator stops. `killed` is when the end of its process was last asked
    for, `seen` at which change and when its children were last looked at.
    """

    id: str
    kind: RunKind
    place: str
    aside: Callable[[Callable[[], object]], object] = field(repr=False)
    check: Callable[[], None] = field(repr=False)
    step: Step = Step.WAITING
    task: Future[None] | None = None
    handle: ProcessHandle | None = None
    phase: str = ""
    canceled: bool = False
    killed: float = 0.0
    seen: tuple[int, float] = (-1, 0.0)


class RunKind:
    """Work in a thread of the emulator: `start` does it and, as all there is, gives the final status or leaves that to
    `finish`. A restart repeats it.

    `start` and `finish` run in the pool and may take their time; all else runs in the scheduler's one thread and must
    not.
    """

    occupies = True
    """Whether it takes one of the places that there are for runs at once."""

    def place(self, document: Document) -> str:
        """What it occupies; `capacity` says how many may at once."""
        return ""

    def capacity(self, place: str) -> int | None:
        """How many runs may occupy a place; None for any number."""
        return None

    def adopt(self, run: OpenRun, document: Document) -> bool:
        """After a restart: whether the run goes on, or is over and only needs `finish`. Safe to repeat."""
        return False

    def start(self, run: OpenRun, document: Document) -> None:
        """Sets the run going. What it raises is given to `refuse`, and the run goes on to `finish`."""

    def refuse(self, document: Document, error: BaseException) -> None:
        """Writes down why a run did not start."""

    def watch(self, run: OpenRun, document: Document) -> bool:
        """Whether the run is over; also passes on what it has been asked (`run.canceled`)."""
        return True

    def finish(self, run_id: str, *, canceled: bool) -> None:
        """Takes over what a run left and gives it its final status; safe to repeat."""

    def discard(self, run: OpenRun | None, document: Document) -> None:
        """Ends a run whose document is about to go, and removes what it left."""


class ProcessKind(RunKind):
    """A process of its own, which outlives the emulator."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def launch(self, run: OpenRun, document: Document) -> ProcessHandle:
        """Prepares the run and starts its process."""
        raise NotImplementedError

    def process(self, document: Document) -> ProcessHandle | None:
        """The process of a run, when one lives."""
        raise NotImplementedError

    def progress(self, run: OpenRun, document: Document) -> None:
        """Takes over what the process has written of itself since."""

    def start(self, run: OpenRun, document: Document) -> None:
        run.handle = self.launch(run, document)

    def adopt(self, run: OpenRun, document: Document) -> bool:
        run.handle = self.process(document)
        return run.handle is not None

    def watch(self, run: OpenRun, document: Document) -> bool:
        self.progress(run, document)
        if run.canceled and run.handle:
            self._kill(run, run.handle)
        return run.handle is None or not self.runtime.alive(run.handle)

    def discard(self, run: OpenRun | None, document: Document) -> None:
        handle = (run.handle if run else None) or self.process(document)
        if handle:
            self.runtime.stop(handle)

    def _kill(self, run: OpenRun, handle: ProcessHandle) -> None:
        """SIGTERM to the process, which ends all it started; when that takes too long, SIGKILL to every one of them."""
        now = time.monotonic()
        if run.killed == 0.0:
            run.killed = now
            process = handle.process()
            if process:
                process.terminate()
        elif now > run.killed + CANCEL_SECONDS:
            run.killed = now
            run.aside(lambda: self.runtime.stop(handle, 0.0))


class ParentKind(RunKind):
    """A run made of runs, which takes no place itself.

    Its children are looked at whenever a run of this scheduler was submitted, canceled or has ended, and every
    `interval` seconds. All of this is in the scheduler's thread, `start` too; there is no `watch` and no `finish`.
    """

    occupies = False
    interval = 2.0

    def next_children(self, document: Document, children: Sequence[Document]) -> list[Document]:
        """Makes and stores the children that can start now, and gives them to be submitted.

        Their `private["parent"]` is the parent's name. After a crash it is asked again, so a child's name must follow
        from the parent's.
        """
        raise NotImplementedError

    def children_to_cancel(self, document: Document, children: Sequence[Document]) -> Sequence[Document]:
        """Children whose end is asked for, such as all of them once one has failed. What has ended is left alone."""
        return ()

    def conclude(self, document: Document, children: Sequence[Document]) -> bool:
        """Gives the parent its final status once nothing is left to do; whether it has it."""
        raise NotImplementedError
