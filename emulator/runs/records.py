"""What is written down about runs while they go on; every change is on disk before anything follows from it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from emulator.store import Document, Store


@dataclass(frozen=True)
class States:
    """A service's words for where a run is; None for a state that it does not show."""

    final: frozenset[str]
    queued: str | None = None
    starting: str | None = None
    canceling: str | None = None
    failed: str = "Failed"


class RunRecords:
    """The runs of one resource type in the store."""

    def __init__(self, store: Store, resource_type: str, states: States) -> None:
        self.store = store
        self.resource_type = resource_type
        self.states = states

    def has_ended(self, run: Document) -> bool:
        """Whether a run has its final status."""
        return run.properties["status"] in self.states.final

    def get(self, run_id: str) -> Document | None:
        """A run, None when it was deleted."""
        return self.store.get(run_id)

    def open(self) -> list[Document]:
        """Runs that have not ended, oldest first."""
        return [run for run in self.store.of_type(self.resource_type) if not self.has_ended(run)]

    def children(self, parent: Document) -> list[Document]:
        """The runs that a run is made of, oldest first."""
        siblings = self.store.children(parent.resource.parent or "", self.resource_type)
        return [run for run in reversed(siblings) if run.private.get("parent") == parent.name]

    def update(self, run_id: str, status: str | None = None, **private: Any) -> Document | None:
        """Changes status and private values; None when the run was deleted. What has ended keeps its status."""
        with self.store.transaction():
            run = self.store.get(run_id)
            if run is None:
                return None
            if status and not self.has_ended(run):
                run.properties["status"] = status
                if status in self.states.final:
                    private.setdefault("ended", time.time())
            run.private.update(private)
            return self.store.put(run)

    def fail(self, run_id: str, message: str, code: str = "UserError") -> Document | None:
        """Ends a run as failed with what a person has to know."""
        return self.update(run_id, self.states.failed, error={"code": code, "message": message})
