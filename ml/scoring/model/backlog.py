"""Jobs that wait for the thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ml.scoring.model.job import batches

if TYPE_CHECKING:
    from ml.scoring.model.job import Job


class Backlog:
    """Oldest first. The loop puts jobs in and takes back those that nobody waits for; the thread takes the others."""

    def __init__(self) -> None:
        self._jobs: dict[Job, None] = {}
        self._changed = threading.Condition()

    def put(self, jobs: Iterable[Job]) -> None:
        with self._changed:
            self._jobs.update(dict.fromkeys(jobs))
            self._changed.notify()

    def discard(self, job: Job) -> None:
        """Take a job back, and all that it holds in memory; one that has been taken is left alone."""
        with self._changed:
            self._jobs.pop(job, None)

    def take(self, most_rows: int) -> list[Job]:
        """The next jobs to be scored together; waits for one."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs)
            batch = next(batches(self._jobs, most_rows))
            for job in batch:
                del self._jobs[job]
            return batch
