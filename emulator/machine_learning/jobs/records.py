"""What the emulator writes down about jobs while they run; every change is on disk before anything follows from it."""

from __future__ import annotations

import time
from typing import Any

from emulator.machine_learning.identifiers import JOB
from emulator.store import Document, Store

FINAL = frozenset({"Completed", "Failed", "Canceled"})


class JobRecords:
    """Jobs in the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, job_id: str) -> Document | None:
        """A job, None when it was deleted."""
        return self.store.get(job_id)

    def open(self) -> list[Document]:
        """Jobs that have not ended, oldest first."""
        return [job for job in self.store.of_type(JOB) if job.properties["status"] not in FINAL]

    def children(self, parent: Document) -> list[Document]:
        """The steps of a pipeline job, oldest first."""
        siblings = self.store.children(parent.resource.parent or "", JOB)
        return [job for job in reversed(siblings) if job.private.get("parent") == parent.name]

    def update(self, job_id: str, status: str | None = None, **private: Any) -> Document | None:
        """Changes status and private values; None when the job was deleted. What has ended keeps its status."""
        with self.store.transaction():
            job = self.store.get(job_id)
            if job is None:
                return None
            if status and job.properties["status"] not in FINAL:
                job.properties["status"] = status
                if status in FINAL:
                    private.setdefault("ended", time.time())
            job.private.update(private)
            return self.store.put(job)

    def fail(self, job_id: str, message: str, code: str = "UserError") -> Document | None:
        """Ends a job as failed with what a person has to know."""
        return self.update(job_id, "Failed", error={"code": code, "message": message})
