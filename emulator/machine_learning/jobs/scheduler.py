"""The scheduler: takes every job from its submission to its end, and finds its place again after a restart."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import COMPUTE
from emulator.machine_learning.jobs.pipeline import is_stopped
from emulator.machine_learning.jobs.records import FINAL
from emulator.machine_learning.jobs.runner import files
from emulator.runtime import ProcessHandle
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.machine_learning.service import MachineLearningService

RUNNING_JOBS = 2
POLL_SECONDS = 0.2
CANCEL_SECONDS = 15.0
WORKERS = 8
logger = logging.getLogger(__name__)


class Step(Enum):
    """Where the scheduler is with a job."""

    WAITING = "waiting"
    LAUNCHING = "launching"
    RUNNING = "running"
    FINISHING = "finishing"


@dataclass
class Work:
    """A job that has not ended. `killed` is when its end was last asked for."""

    job_id: str
    compute: str
    step: Step = Step.WAITING
    task: Future[None] | None = None
    handle: ProcessHandle | None = None
    phase: str = ""
    canceled: bool = False
    killed: float = 0.0
    is_pipeline: bool = False


class Scheduler:
    """One thread that looks at every open job five times a second; what takes longer runs in a pool."""

    def __init__(self, service: MachineLearningService) -> None:
        self.service = service
        self.records = service.records
        self.work: dict[str, Work] = {}
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._stopped = False
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="job")
        self._thread: threading.Thread | None = None

    # -- what others ask for

    def submit(self, job: Document) -> None:
        """Takes in a job; one that is known or has ended is left alone."""
        if job.properties["status"] in FINAL:
            return
        with self._lock:
            if job.key not in self.work:
                work = self.work[job.key] = Work(job.id, (job.properties.get("computeId") or "").lower())
                work.canceled = bool(job.private.get("cancel"))
                work.is_pipeline = job.properties["jobType"] == "Pipeline"
        self._wake.set()

    def cancel(self, job: Document) -> None:
        """Asks for a job's end; for a pipeline, of all its steps."""
        self.records.update(job.id, "CancelRequested", cancel=True)
        with self._lock:
            if job.key in self.work:
                self.work[job.key].canceled = True
        self._cancel_steps(job)
        self._wake.set()

    def discard(self, job: Document) -> None:
        """Ends a job whose document is about to go, and removes its folder."""
        for child in self.records.children(job):
            self.discard(child)
            self.service.emulator.store.delete(child.id)
        with self._lock:
            work = self.work.pop(job.key, None)
        folder = self.service.folder(job)
        handle = (work.handle if work else None) or folder.runner()
        if handle:
            self.service.emulator.runtime.stop(handle)
        folder.remove()
        self.service.forget_run(job)

    def running_on(self, compute: str) -> int:
        """How many jobs occupy a compute."""
        return sum(1 for work in self._busy() if work.compute == compute.lower())

    def _busy(self) -> list[Work]:
        with self._lock:
            return [work for work in self.work.values() if work.step is not Step.WAITING and not work.is_pipeline]

    def reconcile(self) -> None:
        """Takes up every job that an earlier process left, then starts the thread."""
        for job in self.records.open():
            self.submit(job)
            work = self.work[job.key]
            folder = self.service.folder(job)
            work.handle = folder.runner() or folder.starting_runner()
            if work.handle or folder.read(files.EXIT):
                work.step = Step.RUNNING
                self._pool.submit(self._track, job.id)
        self._thread = threading.Thread(target=self._loop, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops looking; jobs run on."""
        self._stopped = True
        self._wake.set()
        if self._thread:
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    # -- the thread

    def _loop(self) -> None:
        while not self._stopped:
            self._wake.wait(POLL_SECONDS if self.work else None)
            self._wake.clear()
            with self._lock:
                present = list(self.work.values())
            for work in present:
                try:
                    self._advance(work)
                except Exception as error:  # one job's trouble must not hold up the others
                    logger.exception("job %s", work.job_id)
                    self._give_up(work, f"The emulator failed: {type(error).__name__}: {error}")

    def _advance(self, work: Work) -> None:
        job = self.records.get(work.job_id)
        if job is None or job.properties["status"] in FINAL:
            if job is not None and work.is_pipeline:
                self._cancel_steps(job)
            self._drop(work)
        elif job.properties["jobType"] == "Pipeline":
            self._advance_pipeline(work, job)
        else:
            {
                Step.WAITING: self._begin,
                Step.LAUNCHING: self._launched,
                Step.RUNNING: self._watch,
                Step.FINISHING: self._finished,
            }[work.step](work, job)

    def _begin(self, work: Work, job: Document) -> None:
        if work.canceled:
            self._to_finish(work)
        elif self._is_free(work):
            work.step = Step.LAUNCHING
            self.records.update(job.id, "Starting")
            work.task = self._pool.submit(self._launch, work, job)
        elif job.properties["status"] != "Queued":
            self.records.update(job.id, "Queued")

    def _is_free(self, work: Work) -> bool:
        busy = self._busy()
        if len(busy) >= RUNNING_JOBS:
            return False
        compute = self.service.emulator.store.get(work.compute) if work.compute.startswith("/") else None
        if compute is None or compute.resource.type.lower() != COMPUTE.lower():
            return True
        scale = (compute.properties.get("properties") or {}).get("scaleSettings") or {}
        return sum(1 for one in busy if one.compute == work.compute) < int(scale.get("maxNodeCount") or 1)

    def _launch(self, work: Work, job: Document) -> None:
        """In the pool: prepares the folder and starts the runner; the tracking server starts beside it."""
        self.service.tracking.start()
        self.service.folder(job).make()
        self._pool.submit(self._track, job.id)
        self.records.update(job.id, "Preparing")
        work.handle = self.service.launch(job)
        self.records.update(job.id, process=work.handle.to_json())

    def _launched(self, work: Work, job: Document) -> None:
        if work.task is None or not work.task.done():
            return
        error = work.task.exception()
        if error is None:
            work.step = Step.RUNNING
            return
        message = error.message if isinstance(error, ServiceError) else str(error)
        logger.warning("job %s was not started: %s: %s", job.name, type(error).__name__, message)
        self.service.refuse(job, message)
        self._to_finish(work)

    def _watch(self, work: Work, job: Document) -> None:
        folder = self.service.folder(job)
        state = folder.read(files.STATE) or {}
        if state.get("phase") and state["phase"] != work.phase:
            work.phase = state["phase"]
            self.records.update(job.id, None if work.canceled else work.phase, **times(state))
        if work.canceled and work.handle:
            self._kill(work, work.handle)
        if work.handle is None or not self.service.emulator.runtime.alive(work.handle):
            self._to_finish(work)

    def _kill(self, work: Work, handle: ProcessHandle) -> None:
        """SIGTERM to the runner, which ends all the rest; when that takes too long, SIGKILL to every process."""
        now = time.monotonic()
        if work.killed == 0.0:
            work.killed = now
            process = handle.process()
            if process:
                process.terminate()
        elif now > work.killed + CANCEL_SECONDS:
            work.killed = now
            self._pool.submit(self.service.emulator.runtime.stop, handle, 0.0)

    def _to_finish(self, work: Work) -> None:
        work.step = Step.FINISHING
        work.task = self._pool.submit(self.service.finish, work.job_id, canceled=work.canceled)

    def _finished(self, work: Work, job: Document) -> None:
        if work.task is None or not work.task.done():
            return
        error = work.task.exception()
        if error:
            raise error
        self._drop(work)

    def _advance_pipeline(self, work: Work, job: Document) -> None:
        if work.step is Step.WAITING:
            work.step = Step.RUNNING
            self._pool.submit(self._track, job.id)
            self.records.update(job.id, None if work.canceled else "Running", began=time.time())
        children = {child.private["step"]: child for child in self.records.children(job)}
        if is_stopped(job, children):
            self._cancel_steps(job)
        for child in self.service.next_steps(job, children):
            self.submit(child)
        if self.service.end_pipeline(job):
            self._drop(work)

    def _cancel_steps(self, job: Document) -> None:
        """Asks for the end of those steps of a pipeline that have not ended."""
        for child in self.records.children(job):
            if child.properties["status"] not in FINAL and not child.private.get("cancel"):
                self.cancel(child)

    def _track(self, job_id: str) -> None:
        """In the pool: makes the job's run in MLflow and tells the runner that it may start the command."""
        try:
            self.service.track(job_id)
        except ServiceError as error:
            logger.warning("the run of %s was not made: %s", job_id, error.message)

    def _give_up(self, work: Work, message: str) -> None:
        """Fails a job; what else it needs to end is done as for any job that has ended."""
        self.records.fail(work.job_id, message, "ServiceError")
        self._wake.set()

    def _drop(self, work: Work) -> None:
        with self._lock:
            self.work.pop(work.job_id.lower(), None)
        self._wake.set()


def times(state: dict[str, Any]) -> dict[str, float]:
    """When the command began, once it has."""
    return {"began": state["since"]} if state["phase"] == "Running" else {}
