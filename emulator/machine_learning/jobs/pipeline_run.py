"""Pipeline jobs as runs: parents whose children are the jobs of their steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from emulator.machine_learning.jobs import pipeline
from emulator.machine_learning.jobs.mlflow_runs import MlflowRuns
from emulator.machine_learning.jobs.records import JobRecords
from emulator.machine_learning.jobs.steps import StepJobs
from emulator.machine_learning.locations import UnresolvedReference
from emulator.runs.kind import OpenRun, ParentKind
from emulator.store import Document


class PipelineRun(ParentKind):
    """The way of a pipeline job."""

    def __init__(self, records: JobRecords, steps: StepJobs, mlflow_runs: MlflowRuns) -> None:
        self._records = records
        self._steps = steps
        self._mlflow_runs = mlflow_runs

    def start(self, run: OpenRun, document: Document) -> None:
        run.aside(partial(self._mlflow_runs.make, run.id))
        self._records.update(run.id, None if run.canceled else "Running", began=time.time())

    def children_to_cancel(self, document: Document, children: Sequence[Document]) -> Sequence[Document]:
        return children if pipeline.is_stopped(document, by_step(children)) else ()

    def next_children(self, document: Document, children: Sequence[Document]) -> list[Document]:
        made: list[Document] = []
        for name in pipeline.ready_steps(document, by_step(children)):
            try:
                child = self._steps.child(document, name, by_step(children))
            except UnresolvedReference as error:
                self._records.fail(document.id, f"Step '{name}' could not be started: {error}.")
                return made
            child.properties["services"] = self._mlflow_runs.links(child.name)
            child.private["created"] = time.time()
            made.append(self._records.store.put(child))
        return made

    def conclude(self, document: Document, children: Sequence[Document]) -> bool:
        steps = by_step(children)
        status = pipeline.outcome(document, steps)
        if status is None:
            return False
        failed = [name for name, child in steps.items() if child.properties["status"] == "Failed"]
        error = {"code": "UserError", "message": pipeline_failure(failed, steps)} if failed else None
        self._records.update(document.id, status, **({"error": error} if error else {}))
        self._mlflow_runs.end(document, status)
        return True

    def discard(self, run: OpenRun | None, document: Document) -> None:
        self._mlflow_runs.forget(document)


def by_step(children: Sequence[Document]) -> dict[str, Document]:
    """The jobs of steps by the names of the steps."""
    return {child.private["step"]: child for child in children}


def pipeline_failure(failed: list[str], children: dict[str, Document]) -> str:
    """What a failed pipeline says: which steps, and what they said."""
    said = [
        f"{name} ({children[name].name}): {(children[name].private.get('error') or {}).get('message', '')}"
        for name in failed
    ]
    return "Pipeline has some failed steps. " + "\n".join(said)
