"""Takes every run from its submission to its end, and finds its place again after a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from emulator.runs.kind import Canceled, Interrupted, OpenRun, ParentKind, RunKind, Step
from emulator.runs.records import RunRecords
from emulator.store import Document

POLL_SECONDS = 0.2
WAIT_SECONDS = 1.0
WORKERS = 8
logger = logging.getLogger(__name__)


class Runs:
    """One thread that looks at every open run five times a second; what takes longer runs in a pool."""

    def __init__(self, name: str, records: RunRecords, kind_of: Callable[[Document], RunKind], *, at_once: int) -> None:
        """
        Args:
            name: of its threads.
            kind_of: the kind of a run, by its document.
            at_once: how many runs may go on at the same time; the others wait, oldest first.
        """
        self.records = records
        self._kind_of = kind_of
        self._at_once = at_once
        self._name = name
        self._open: dict[str, OpenRun] = {}
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._ended = threading.Condition()
        self._changes = 0
        self._stopped = False
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=name)
        self._thread: threading.Thread | None = None

    # -- what others ask for

    def submit(self, document: Document) -> None:
        """Takes in a run; one that is known or has ended is left alone."""
        if self.records.has_ended(document):
            return
        with self._lock:
            if document.key not in self._open:
                kind = self._kind_of(document)
                place, check = kind.place(document).lower(), partial(self._check, document.id)
                run = OpenRun(document.id, kind, place, self._pool.submit, check)
                run.canceled = bool(document.private.get("cancel"))
                self._open[document.key] = run
        self._changed()

    def cancel(self, document: Document) -> None:
        """Asks for the end of a run and of its children; one that has ended is left alone."""
        if self.records.has_ended(document):
            return
        self.records.update(document.id, self.records.states.canceling, cancel=True)
        with self._lock:
            if document.key in self._open:
                self._open[document.key].canceled = True
        if isinstance(self._kind_of(document), ParentKind):
            self._cancel(self.records.children(document))
        self._changed()

    def discard(self, document: Document) -> None:
        """Ends a run whose document is about to go, with its children and what they left."""
        kind = self._kind_of(document)
        if isinstance(kind, ParentKind):
            for child in self.records.children(document):
                self.discard(child)
                self.records.store.delete(child.id)
        with self._lock:
            run = self._open.pop(document.key, None)
        kind.discard(run, document)

    def wait(self, run_id: str) -> Document | None:
        """The run once it has ended; None when it was deleted. For what answers to a client that polls.

        Raises:
            Interrupted: the emulator stops.
        """
        while not self._stopped:
            document = self.records.get(run_id)
            if document is None or self.records.has_ended(document):
                return document
            with self._ended:
                self._ended.wait(WAIT_SECONDS)
        raise Interrupted

    def occupying(self, place: str) -> int:
        """How many runs occupy a place."""
        return sum(1 for run in self._busy() if run.place == place.lower())

    def reconcile(self) -> None:
        """Takes up every run that an earlier process left, then starts the thread."""
        for document in self.records.open():
            self.submit(document)
            run = self._open[document.key]
            if run.kind.adopt(run, document):
                run.step = Step.GOING
        self._thread = threading.Thread(target=self._loop, name=f"{self._name} runs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops looking; processes run on."""
        self._stopped = True
        self._wake.set()
        with self._ended:
            self._ended.notify_all()
        if self._thread:
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _check(self, run_id: str) -> None:
        if self._stopped:
            raise Interrupted
        document = self.records.get(run_id)
        if document is None or document.private.get("cancel"):
            raise Canceled

    # -- the thread

    def _loop(self) -> None:
        while not self._stopped:
            self._wake.wait(POLL_SECONDS if self._open else None)
            self._wake.clear()
            with self._lock:
                present = list(self._open.values())
            for run in present:
                try:
                    self._advance(run)
                except Exception as error:  # one run's trouble must not hold up the others
                    logger.exception("run %s", run.id)
                    self.records.fail(
                        run.id, f"The emulator failed: {type(error).__name__}: {error}", code="ServiceError"
                    )
                    self._wake.set()

    def _advance(self, run: OpenRun) -> None:
        document = self.records.get(run.id)
        if document is None or self.records.has_ended(document):
            if document is not None and isinstance(run.kind, ParentKind):
                self._cancel(self.records.children(document))
            self._drop(run)
        elif isinstance(run.kind, ParentKind):
            self._advance_parent(run, run.kind, document)
        elif run.step is Step.WAITING:
            self._begin(run, document)
        elif run.step is Step.STARTING:
            self._started(run, document)
        elif run.step is Step.GOING:
            if run.kind.watch(run, document):
                self._to_finish(run)
        elif run.task is not None and run.task.done():
            run.task.result()
            self._drop(run)

    def _begin(self, run: OpenRun, document: Document) -> None:
        states = self.records.states
        if run.canceled:
            self._to_finish(run)
        elif self._is_free(run):
            run.step = Step.STARTING
            if states.starting:
                self.records.update(document.id, states.starting)
            self._do(run, partial(run.kind.start, run, document))
        elif states.queued and document.properties["status"] != states.queued:
            self.records.update(document.id, states.queued)

    def _is_free(self, run: OpenRun) -> bool:
        busy = self._busy()
        if len(busy) >= self._at_once:
            return False
        capacity = run.kind.capacity(run.place)
        return capacity is None or sum(1 for one in busy if one.place == run.place) < capacity

    def _busy(self) -> list[OpenRun]:
        with self._lock:
            return [run for run in self._open.values() if run.step is not Step.WAITING and run.kind.occupies]

    def _started(self, run: OpenRun, document: Document) -> None:
        if run.task is None or not run.task.done():
            return
        error = run.task.exception()
        if error is None:
            run.step = Step.GOING
            self._wake.set()
        elif not isinstance(error, Interrupted):
            run.kind.refuse(document, error)
            self._to_finish(run)

    def _to_finish(self, run: OpenRun) -> None:
        run.step = Step.ENDING
        self._do(run, partial(run.kind.finish, run.id, canceled=run.canceled))

    def _do(self, run: OpenRun, work: Callable[[], None]) -> None:
        """In the pool; the thread looks at the run again as soon as it is done."""
        run.task = self._pool.submit(work)
        run.task.add_done_callback(lambda _: self._wake.set())

    def _advance_parent(self, run: OpenRun, kind: ParentKind, document: Document) -> None:
        if run.step is Step.WAITING:
            run.step = Step.GOING
            kind.start(run, document)
        changes, now = self._changes, time.monotonic()
        if run.seen[0] == changes and now < run.seen[1] + kind.interval:
            return
        run.seen = (changes, now)
        children = self.records.children(document)
        # A child that started while its parent was canceled is canceled here.
        self._cancel(children if document.private.get("cancel") else kind.children_to_cancel(document, children))
        for child in kind.next_children(document, children):
            self.submit(child)
        if kind.conclude(document, children):
            self._drop(run)

    def _cancel(self, runs: Iterable[Document]) -> None:
        """Asks for the end of those that have not ended and were not asked yet."""
        for run in runs:
            if not run.private.get("cancel"):
                self.cancel(run)

    def _drop(self, run: OpenRun) -> None:
        with self._lock:
            self._open.pop(run.id.lower(), None)
        with self._ended:
            self._ended.notify_all()
        self._changed()

    def _changed(self) -> None:
        with self._lock:
            self._changes += 1
        self._wake.set()
