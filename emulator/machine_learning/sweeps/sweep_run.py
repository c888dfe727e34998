"""Sweep jobs as runs: parents whose children are the trials.

A sweep begins trials, ends those that a policy gives up, and takes over what the best one left. All that must outlive a
crash is in the documents of the trials.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.jobs.mlflow_runs import MlflowRuns
from emulator.machine_learning.jobs.outputs import Outputs
from emulator.machine_learning.jobs.records import JobRecords
from emulator.machine_learning.locations import UnresolvedReference
from emulator.machine_learning.sweeps.sampling import Tried, values_of
from emulator.machine_learning.sweeps.specification import Sweep, read_sweep
from emulator.machine_learning.sweeps.termination import doomed
from emulator.machine_learning.sweeps.trials import trial_of
from emulator.machine_learning.tracking.api import Api
from emulator.machine_learning.tracking.server import TrackingServer
from emulator.runs.kind import OpenRun, ParentKind
from emulator.store import Document

BEST = "best_child_run_id"
logger = logging.getLogger(__name__)


class SweepRun(ParentKind):
    """The way of a sweep job."""

    interval = 1.0

    def __init__(
        self, records: JobRecords, outputs: Outputs, tracking: TrackingServer, mlflow_runs: MlflowRuns
    ) -> None:
        self._records = records
        self._outputs = outputs
        self._tracking = tracking
        self._api = Api(tracking)
        self._mlflow_runs = mlflow_runs

    def start(self, run: OpenRun, document: Document) -> None:
        run.aside(partial(self._mlflow_runs.make, run.id))
        began = document.private.get("began") or time.time()
        self._records.update(run.id, None if run.canceled else "Running", began=began)

    def children_to_cancel(self, document: Document, children: Sequence[Document]) -> Sequence[Document]:
        sweep = read_sweep(document.properties)
        if sweep.timeout and time.time() > (document.private.get("began") or time.time()) + sweep.timeout:
            self._records.update(document.id, self._records.states.canceling, cancel=True)
            return children
        if sweep.policy is None:
            return ()
        begun = {trial.name: trial for trial in children if trial.private.get("began")}
        histories = {name: self._history(sweep, trial) or [] for name, trial in begun.items()}
        known = {name: history for name, history in histories.items() if history}
        running = {name for name, trial in begun.items() if not self._records.has_ended(trial)}
        return [begun[name] for name in doomed(sweep.policy, sweep.maximize, known, running)]

    def next_children(self, document: Document, children: Sequence[Document]) -> list[Document]:
        present = self._records.get(document.id)
        if present is None or present.private.get("cancel"):
            return []
        sweep = read_sweep(document.properties)
        self._score(sweep, children)
        running = sum(not self._records.has_ended(trial) for trial in children)
        tried = [self._tried(trial) for trial in in_order(children)]
        made = []
        for number in range(len(children), min(sweep.trials, len(children) + sweep.concurrent - running)):
            values = values_of(sweep, document.name, number, tried)
            tried.append(Tried(values, None, ended=False))
            trial = trial_of(sweep, document, number, values)
            trial.properties["services"] = self._mlflow_runs.links(trial.name)
            made.append(self._records.store.put(trial))
        return made

    def conclude(self, document: Document, children: Sequence[Document]) -> bool:
        sweep = read_sweep(document.properties)
        present = self._records.get(document.id) or document
        canceled = bool(present.private.get("cancel"))
        trials = self._records.children(document)
        if any(not self._records.has_ended(trial) for trial in trials):
            return False
        if len(trials) < sweep.trials and not canceled:
            return False
        if not self._score(sweep, trials):
            return False
        best = self._best(sweep, trials)
        if best is not None:
            self._take_over(document, best)
        completed = best is not None or any(trial.properties["status"] == "Completed" for trial in trials)
        status = "Canceled" if canceled else "Completed" if completed else "Failed"
        error = {"error": {"code": "UserError", "message": failure(trials)}} if status == "Failed" else {}
        self._records.update(document.id, status, **error)
        self._mlflow_runs.end(document, status)
        return True

    def discard(self, run: OpenRun | None, document: Document) -> None:
        self._mlflow_runs.forget(document)

    def _tried(self, trial: Document) -> Tried:
        return Tried(trial.private["values"], trial.private.get("score"), self._records.has_ended(trial))

    def _score(self, sweep: Sweep, trials: Sequence[Document]) -> bool:
        """Writes down the best that each trial which has ended reported of the primary metric; whether all have it."""
        for trial in trials:
            if self._records.has_ended(trial) and "score" not in trial.private:
                reported = self._history(sweep, trial)
                if reported is None:
                    return False
                score = (max if sweep.maximize else min)(reported) if reported else None
                self._records.update(trial.id, score=score)
                trial.private["score"] = score
        return True

    def _history(self, sweep: Sweep, trial: Document) -> list[float] | None:
        """What a trial reported so far; None when that cannot be asked now."""
        if not self._tracking.is_ready:
            return None
        try:
            return self._api.metric_history(trial.name, sweep.metric)
        except (ServiceError, httpx.HTTPError) as error:
            logger.warning("the figures of %s could not be read: %s", trial.name, error)
            return None

    def _best(self, sweep: Sweep, trials: Sequence[Document]) -> Document | None:
        scored = [trial for trial in trials if trial.private.get("score") is not None]
        sign = 1 if sweep.maximize else -1
        return max(scored, key=lambda trial: sign * trial.private["score"], default=None)

    def _take_over(self, job: Document, best: Document) -> None:
        """The best trial's outputs are the sweep's; safe to repeat."""
        workspace, outputs = workspace_id(job.id), self._outputs
        for name, output in (job.private.get("outputs") or {}).items():
            try:
                source = outputs.references.location(workspace, best.private["outputs"][name]["uri"])
                target = outputs.references.location(workspace, output["uri"])
            except UnresolvedReference as error:
                logger.warning("the output %s of %s was not taken over: %s", name, best.name, error)
                continue
            with TemporaryDirectory(prefix="sweep-") as folder:
                for blob in [""] if outputs.storage.is_blob(source) else outputs.storage.below(source):
                    file = Path(folder) / "blob"
                    outputs.storage.fetch(source.child(blob), file)
                    outputs.storage.upload(file, target.child(blob))
            if output.get("assetName"):
                outputs.register(workspace, output)
        store = self._records.store
        with store.transaction():
            found = store.get(job.id)
            if found is not None:
                shown = {BEST: best.name, "score": str(best.private["score"]), "best_metric_status": "Observed"}
                found.properties["properties"] = {**(found.properties.get("properties") or {}), **shown}
                store.put(found)


def in_order(trials: Sequence[Document]) -> list[Document]:
    """Trials by their numbers."""
    return sorted(trials, key=lambda trial: int(trial.private["step"]))


def failure(trials: Sequence[Document]) -> str:
    """What a sweep says none of whose trials completed: what the first of them said."""
    first = in_order(trials)[0]
    said = (first.private.get("error") or {}).get("message", "it was canceled")
    return f"None of the sweep's {len(trials)} trials completed. {first.name}: {said}"
