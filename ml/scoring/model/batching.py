"""Requests that arrive in the same turn of the event loop are scored in one call of the model.

Nobody waits for others to come: the batch is what is there when the turn ends. A quick model runs on the loop itself,
which spares two changes of thread a request; a slow one, and long requests, run in a thread, so that health checks are
answered meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml.scoring.errors import Refusal, overloaded
from ml.scoring.http.answer import ABANDONED, refused
from ml.scoring.log import say
from ml.scoring.model.backlog import Backlog
from ml.scoring.model.job import Job, batches

if TYPE_CHECKING:
    from ml.scoring.model.lane import Lane
    from ml.scoring.settings import Settings

QUICK_SECONDS = 0.005
"""Processor time that a full batch of a quick model takes at most."""
SLOW_SECONDS = 0.1
"""A batch on the loop that takes this much of it moves the model to the thread for good."""


class Batching:
    """Takes jobs on the event loop and calls their `finish` there, in the order they came on each connection."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop, quick: Lane, slow: Lane) -> None:
        self._settings = settings
        self._loop = loop
        self._quick = quick
        self._slow = slow
        self._threaded = settings.scoring_thread == "always"
        self._jobs: list[Job] = []
        """Of this turn of the loop."""
        self._expected: dict[Job, None] = {}
        """Those for the thread, oldest first."""
        self._expected_rows = 0
        self._backlog = Backlog()
        """Those of them that the thread has not taken yet."""
        threading.Thread(target=self._work, name="scoring", daemon=True).start()

    @property
    def waiting(self) -> int:
        """Requests that wait for the thread or are scored there."""
        return len(self._expected)

    def measured(self, seconds: float) -> None:
        """How much processor time a full batch takes; decides where the model runs."""
        if self._settings.scoring_thread == "auto" and seconds > QUICK_SECONDS:
            self._threaded = True
        say("model measured", batch_seconds=round(seconds, 6), in_thread=self._threaded)

    def submit(self, job: Job) -> None:
        """Take a job in.

        Raises:
            Refusal: 503, too much waits for the thread already. For the loop nothing does: what it scores is gone when
                its turn ends, so the limit of connections is one of that, too.
        """
        rows = len(job.values)
        if self._threaded or rows > self._settings.batch_rows:
            self._check_room(rows)
            self._expect(job)
        if not self._jobs:
            self._loop.call_soon(self._flush)
        self._jobs.append(job)

    def _check_room(self, rows: int) -> None:
        settings = self._settings
        if self.waiting >= settings.max_queue or self._expected_rows + rows > settings.max_queue_rows:
            raise overloaded("queue_full", "too many requests wait to be scored; try again")

    def expire(self, now: float) -> None:
        """Answer the thread's oldest jobs, up to the first that somebody waits for and that may wait longer: 499 to
        those whose clients left, 504 to those that waited too long.
        """
        while self._expected:
            job = next(iter(self._expected))
            if job.deadline > now and not job.request.abandoned:
                return
            late = Refusal(504, "scoring_timeout", f"no result within {self._settings.scoring_seconds:g} s")
            job.answer = refused(ABANDONED if job.request.abandoned else late)
            self._backlog.discard(job)
            self._deliver([job])

    def _flush(self) -> None:
        jobs, self._jobs = self._jobs, []
        quick = [job for job in jobs if not job.deadline]
        if len(quick) < len(jobs):
            self._backlog.put([job for job in jobs if job in self._expected])
        for batch in batches(quick, self._settings.batch_rows):
            if self._threaded:  # since a moment ago
                for job in batch:
                    self._expect(job)
                self._backlog.put(batch)
                continue
            seconds = self._quick.score(batch)
            self._deliver(batch)
            if seconds > SLOW_SECONDS and self._settings.scoring_thread == "auto":
                self._threaded = True
                say("the model runs in a thread from now on", batch_seconds=seconds, rows=len(batch))

    def _expect(self, job: Job) -> None:
        """It is for the thread; when it takes too long it is given up."""
        job.deadline = self._loop.time() + self._settings.scoring_seconds
        self._expected[job] = None
        self._expected_rows += len(job.values)

    def _deliver(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.deadline:
                if job not in self._expected:
                    continue  # answered when it had waited too long
                del self._expected[job]
                self._expected_rows -= len(job.values)
            job.finish(job.request, job.answer or refused(ABANDONED))

    # -- the thread

    def _work(self) -> None:
        while True:
            batch = self._backlog.take(self._settings.batch_rows)
            wanted = [job for job in batch if job in self._expected and not job.request.abandoned]
            if wanted:
                self._slow.score(wanted)
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(self._deliver, batch)
