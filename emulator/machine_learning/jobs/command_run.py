"""Command jobs as runs: a runner process each, in a folder of its own."""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import Any

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import COMPUTE, workspace_id
from emulator.machine_learning.jobs.command import CommandPreparation
from emulator.machine_learning.jobs.folder import JobFolder
from emulator.machine_learning.jobs.folders import TAKEN_IN, JobFolders
from emulator.machine_learning.jobs.mlflow_runs import MlflowRuns
from emulator.machine_learning.jobs.outputs import Outputs
from emulator.machine_learning.jobs.records import JobRecords
from emulator.machine_learning.jobs.runner import files
from emulator.machine_learning.locations import UnresolvedReference
from emulator.machine_learning.tracking.server import TrackingServer
from emulator.runs.kind import OpenRun, ProcessKind
from emulator.runtime import ProcessHandle, Runtime
from emulator.store import Document

logger = logging.getLogger(__name__)


class CommandRun(ProcessKind):
    """The way of a command job."""

    def __init__(
        self,
        runtime: Runtime,
        records: JobRecords,
        folders: JobFolders,
        preparation: CommandPreparation,
        outputs: Outputs,
        tracking: TrackingServer,
        mlflow_runs: MlflowRuns,
    ) -> None:
        super().__init__(runtime)
        self._records = records
        self._folders = folders
        self._preparation = preparation
        self._outputs = outputs
        self._tracking = tracking
        self._mlflow_runs = mlflow_runs

    def place(self, document: Document) -> str:
        return document.properties.get("computeId") or ""

    def capacity(self, place: str) -> int | None:
        """The nodes of a cluster."""
        compute = self._records.store.get(place) if place.startswith("/") else None
        if compute is None or compute.resource.type.lower() != COMPUTE.lower():
            return None
        scale = (compute.properties.get("properties") or {}).get("scaleSettings") or {}
        return int(scale.get("maxNodeCount") or 1)

    def adopt(self, run: OpenRun, document: Document) -> bool:
        folder = self._folders.of(document)
        run.handle = folder.runner() or folder.starting_runner()
        if run.handle is None and folder.read(files.EXIT) is None:
            return False
        run.aside(partial(self._mlflow_runs.make, run.id))
        return True

    def launch(self, run: OpenRun, document: Document) -> ProcessHandle:
        """Prepares the job's folder and starts its runner; the tracking server starts beside it.

        Raises:
            JobFailure: something the job names does not exist.
        """
        self._tracking.start()
        folder = self._folders.of(document)
        folder.make()
        run.aside(partial(self._mlflow_runs.make, run.id))
        self._records.update(run.id, "Preparing")
        files.write_json(folder.path / files.SPECIFICATION, self._preparation.prepare(document, folder))
        handle = self.runtime.start(
            [sys.executable, "-s", "-S", "-m", "emulator.machine_learning.jobs.runner", str(folder.path)],
            environment=self._preparation.runner_environment(document),
            directory=folder.path,
            log=folder.path / "runner.log",
            detached=True,
        )
        self._records.update(run.id, process=handle.to_json())
        return handle

    def refuse(self, document: Document, error: BaseException) -> None:
        """Says why where the job's logs are looked for."""
        message = error.message if isinstance(error, ServiceError) else str(error)
        logger.warning("job %s was not started: %s: %s", document.name, type(error).__name__, message)
        files.append(self._folders.of(document).logs / files.USER_LOG, f"The job could not be prepared. {message}")
        self._records.update(document.id, error={"code": "UserError", "message": message})

    def process(self, document: Document) -> ProcessHandle | None:
        return self._folders.of(document).runner()

    def progress(self, run: OpenRun, document: Document) -> None:
        state = self._folders.of(document).read(files.STATE) or {}
        if state.get("phase") and state["phase"] != run.phase:
            run.phase = state["phase"]
            began = {"began": state["since"]} if run.phase == "Running" else {}
            self._records.update(run.id, None if run.canceled else run.phase, **began)

    def finish(self, run_id: str, *, canceled: bool) -> None:
        job = self._records.get(run_id)
        if job is None:
            return
        folder = self._folders.of(job)
        status, error = ended(job, folder, canceled=canceled)
        if status == "Completed":
            self._records.update(run_id, "Finalizing")
        try:
            self._outputs.collect(workspace_id(run_id), job, folder, self._tracking.artifacts(job.name))
        except (UnresolvedReference, ServiceError, OSError) as problem:
            status, error = "Failed", {"code": "UserError", "message": f"The outputs could not be written: {problem}."}
        if folder.read(files.TRACKING) is not None:
            self._mlflow_runs.end(job, status)
        self._records.update(run_id, status, **{TAKEN_IN: True}, **({"error": error} if error else {}))
        folder.remove()

    def discard(self, run: OpenRun | None, document: Document) -> None:
        super().discard(run, document)
        self._folders.of(document).remove()
        self._mlflow_runs.forget(document)


MISSING_MODULE = "No module named"


def ended(job: Document, folder: JobFolder, *, canceled: bool) -> tuple[str, dict[str, Any] | None]:
    """A job's final status and error from what its runner wrote."""
    if job.private.get("error"):
        return "Failed", job.private["error"]
    outcome = folder.read(files.EXIT)
    if canceled or (outcome or {}).get("reason") == "canceled":
        return "Canceled", None
    if outcome is None:
        return "Failed", {
            "code": "ServiceError",
            "message": f"The job's runner was ended from outside.\n{folder.tail()}",
        }
    if outcome["reason"] == "timeout":
        limit = job.properties["limits"]["timeout"]
        return "Canceled", {"code": "UserError", "message": f"The job was canceled because it ran longer than {limit}."}
    if outcome["reason"] == "environment":
        message = f"The environment could not be prepared: {outcome['message']}.\n{folder.tail(files.BUILD_LOG)}"
        return "Failed", {"code": "UserError", "message": message}
    if outcome["code"] == 0:
        return "Completed", None
    message = (
        f"Execution failed. User process 'bash' exited with status code {outcome['code']}. "
        f"Please check log file '{files.USER_LOG}' for error details. Error: {folder.tail()}"
    )
    hint = (folder.read(files.SPECIFICATION) or {}).get("hint")
    message += f"\n{hint}" if hint and MISSING_MODULE in message else ""
    return "Failed", {"code": "UserError", "message": message}
