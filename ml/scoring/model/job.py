"""What is to be scored for one request, and how such jobs are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.scoring.http.answer import Answer
    from ml.scoring.http.request import Request

    Finish = Callable[[Request, Answer], None]


class Job:
    """The rows of one request, then their answer."""

    __slots__ = ("answer", "deadline", "finish", "listed", "request", "values", "warning")

    def __init__(
        self, request: Request, values: list[tuple[Any, ...]], warning: bytes, finish: Finish, listed: bytes = b""
    ) -> None:
        self.request = request
        self.values = values
        self.warning = warning
        """A header line, or empty."""
        self.listed = listed
        """A member of the answer's object, or empty."""
        self.finish = finish
        self.deadline = 0.0
        """On the loop's clock, of a job for the thread; 0 for those that the loop scores itself."""
        self.answer: Answer | None = None

    def wanted(self, now: float) -> bool:
        """Somebody still waits for its answer."""
        return not (self.request.abandoned or 0 < self.deadline < now)


def batches(jobs: Iterable[Job], most_rows: int) -> Iterator[list[Job]]:
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
