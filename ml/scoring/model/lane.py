"""One thread's way to the model: scores the requests of a batch together and gives each its own answer."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from onnxruntime import RunOptions

from ml.scoring.errors import Refusal
from ml.scoring.http.answer import ABANDONED, Answer, refused
from ml.scoring.log import logger
from ml.scoring.model.feed import Feeds
from ml.scoring.model.loading import FATAL
from ml.scoring.model.results import Results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml.scoring.model.job import Job
    from ml.scoring.model.loading import Model

PART_ROWS = 256
"""More rows are scored in parts of this many, so that they can be given up between two."""


class UnwantedError(Exception):
    """Nobody waits for the result any more."""


class Lane:
    """Used by one thread; the watchdog looks at `started` and calls `end` from another."""

    def __init__(self, model: Model, results: Results) -> None:
        self.started: float | None = None
        """When the present call of the model began, on the monotonic clock; None between calls."""
        self._model = model
        self._feeds = Feeds(model.specification.features)
        self._results = results
        self._options = run_options()
        self._ended = False

    def end(self) -> None:
        """Make the present call of the model fail, at the next operator of its graph."""
        self._ended = True
        self._options.terminate = True

    def score(self, jobs: Sequence[Job]) -> float:
        """Gives each job its answer. Returns the processor seconds this took; a machine that is busy with other things
        does not make them more.

        A batch that fails is scored again request by request: the fault of one must not be the fault of all.
        """
        begin = time.thread_time()
        try:
            self._score_together(jobs)
        except UnwantedError:
            for job in jobs:
                job.answer = refused(ABANDONED if job.request.abandoned else TOO_LATE)
        except Exception as error:  # whatever a model does, each caller gets an answer
            self._fail(jobs, error)
        return time.thread_time() - begin

    def _score_together(self, jobs: Sequence[Job]) -> None:
        begin = time.perf_counter()
        values = jobs[0].values if len(jobs) == 1 else [row for job in jobs for row in job.values]
        columns = self._call(values) if len(values) <= PART_ROWS else self._parts(values, jobs)
        milliseconds = (time.perf_counter() - begin) * 1e3
        first = 0
        for job in jobs:
            last = first + len(job.values)
            own = [column[first:last] for column in columns] if len(jobs) > 1 else columns
            body = self._results.body(own, job.listed)
            job.answer = Answer(200, body, headers=b"x-ms-run-fn-exec-ms: %.3f\r\n%b" % (milliseconds, job.warning))
            first = last

    def _parts(self, values: Sequence[Sequence[Any]], jobs: Sequence[Job]) -> list[list[Any]]:
        """All rows of the jobs, one part after the other."""
        columns: list[list[Any]] = [[] for _ in self._model.outputs]
        for first in range(0, len(values), PART_ROWS):
            now = time.monotonic()
            if not any(job.wanted(now) for job in jobs):
                raise UnwantedError
            for column, part in zip(columns, self._call(values[first : first + PART_ROWS]), strict=True):
                column.extend(part)
        return columns

    def _call(self, values: Sequence[Sequence[Any]]) -> list[list[Any]]:
        if self._ended:
            self._ended = False
            self._options = run_options()
        self.started = time.monotonic()
        try:
            return self._model.run(self._feeds.arrays(values), len(values), self._options)
        finally:
            self.started = None

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        if self._ended:
            refusal = TOO_LATE
        elif len(jobs) > 1:
            for job in jobs:
                self.score([job])
            return
        else:
            refusal = Refusal(500, "scoring_failed", "the model failed on this request")
        logger.log(logging.ERROR, "the model failed", extra={"facts": {"error": str(error), "requests": len(jobs)}})
        for job in jobs:
            job.answer = refused(refusal)


TOO_LATE = Refusal(504, "scoring_timeout", "the model took too long; send fewer rows or try again")


def run_options() -> Any:
    """Options of a call, by which it can be ended."""
    options = RunOptions()
    options.log_severity_level = FATAL
    return options
