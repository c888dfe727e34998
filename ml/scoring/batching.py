"""Requests that arrive in the same turn of the event loop are scored in one call of the model.

Nobody waits for others to come: the batch is what is there when the turn ends. A quick model runs on the loop itself,
which spares two changes of thread a request; a slow one, and long requests, run in a thread, so that health checks are
answered meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ml.scoring.answer import ABANDONED, Answer, refused
from ml.scoring.errors import Refusal, overloaded
from ml.scoring.log import say

if TYPE_CHECKING:
    from ml.scoring.lane import Lane
    from ml.scoring.request import Request
    from ml.scoring.settings import Settings

    Finish = Callable[[Request, Answer], None]

QUICK_SECONDS = 0.005
"""Processor time that a full batch of a quick model takes at most."""
SLOW_SECONDS = 0.1
"""A batch on the loop that takes this much of it moves the model to the thread for good."""


class Job:
    """The rows of one request, then their answer."""

    __slots__ = ("answer", "deadline", "finish", "request", "values", "warning")

    def __init__(self, request: Request, values: list[tuple[Any, ...]], warning: bytes, finish: Finish) -> None:
        self.request = request
        self.values = values
        self.warning = warning
        """A header line, or empty."""
        self.finish = finish
        self.deadline = 0.0
        self.answer: Answer | None = None


class Batching:
    """Takes jobs on the event loop and calls their `finish` there, in the order they came on each connection."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop, quick: Lane, slow: Lane) -> None:
        self.waiting = 0
        self.waiting_rows = 0
        self._settings = settings
        self._loop = loop
        self._quick = quick
        self._slow = slow
        self._threaded = settings.scoring_thread == "always"
        self._jobs: list[Job] = []
        """Of this turn of the loop."""
        self._handed_over: dict[Job, None] = {}
        """Handed to the thread, oldest first."""
        self._queue: deque[Job] = deque()
        self._arrived = threading.Semaphore(0)
        threading.Thread(target=self._work, name="scoring", daemon=True).start()

    def measured(self, seconds: float) -> None:
        """How much processor time a full batch takes; decides where the model runs."""
        if self._settings.scoring_thread == "auto" and seconds > QUICK_SECONDS:
            self._threaded = True
        say("model measured", batch_seconds=round(seconds, 6), in_thread=self._threaded)

    def submit(self, job: Job) -> None:
        """Take a job in.

        Raises:
            Refusal: 503, too much waits already.
        """
        rows = len(job.values)
        if self.waiting >= self._settings.max_queue or self.waiting_rows + rows > self._settings.max_queue_rows:
            raise overloaded("queue_full", "too many requests wait to be scored; try again")
        self.waiting += 1
        self.waiting_rows += rows
        if not self._jobs:
            self._loop.call_soon(self._flush)
        self._jobs.append(job)

    def expire(self, now: float) -> None:
        """Answer the thread's oldest jobs, up to the first that somebody waits for and that may wait longer: 499 to
        those whose clients left, 504 to those that waited too long.
        """
        while self._handed_over:
            job = next(iter(self._handed_over))
            if job.deadline > now and not job.request.abandoned:
                return
            late = Refusal(504, "scoring_timeout", f"no result within {self._settings.scoring_seconds:g} s")
            job.answer = refused(ABANDONED if job.request.abandoned else late)
            self._deliver([job])

    def _flush(self) -> None:
        jobs, self._jobs = self._jobs, []
        for batch in batches(jobs, self._settings.batch_rows):
            if self._threaded or (len(batch) == 1 and len(batch[0].values) > self._settings.batch_rows):
                self._hand_over(batch)
                continue
            seconds = self._quick.score(batch)
            self._deliver(batch)
            if seconds > SLOW_SECONDS and self._settings.scoring_thread == "auto":
                self._threaded = True
                say("the model runs in a thread from now on", batch_seconds=seconds, rows=len(batch))

    def _hand_over(self, batch: Sequence[Job]) -> None:
        for job in batch:
            job.deadline = self._loop.time() + self._settings.scoring_seconds
            self._handed_over[job] = None
            self._queue.append(job)
            self._arrived.release()

    def _deliver(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.deadline:
                if job not in self._handed_over:
                    continue  # answered when it had waited too long
                del self._handed_over[job]
            self.waiting -= 1
            self.waiting_rows -= len(job.values)
            job.finish(job.request, job.answer or refused(ABANDONED))

    # -- the thread

    def _work(self) -> None:
        while True:
            self._arrived.acquire()
            batch = [self._queue.popleft()]
            rows = len(batch[0].values)
            while self._queue and rows + len(self._queue[0].values) <= self._settings.batch_rows:
                self._arrived.acquire()
                batch.append(self._queue.popleft())
                rows += len(batch[-1].values)
            wanted = [job for job in batch if job in self._handed_over and not job.request.abandoned]
            if wanted:
                self._slow.score(wanted)
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(self._deliver, batch)


def batches(jobs: Sequence[Job], most_rows: int) -> Iterator[list[Job]]:
    """Runs of jobs with at most so many rows together; a job that is longer is a batch of its own."""
    batch: list[Job] = []
    rows = 0
    for job in jobs:
        if batch and rows + len(job.values) > most_rows:
            yield batch
            batch, rows = [], 0
        batch.append(job)
        rows += len(job.values)
    if batch:
        yield batch
