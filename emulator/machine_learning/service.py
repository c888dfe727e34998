"""The Azure Machine Learning service: its resource types, its data plane, and the life of its jobs."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

import httpx

from emulator.errors import ServiceError, not_found
from emulator.http import Request, Response
from emulator.machine_learning.assets.asset import AssetContainer, AssetVersion
from emulator.machine_learning.assets.codes import CodeVersion
from emulator.machine_learning.assets.components import ComponentVersion
from emulator.machine_learning.assets.data import DataVersion
from emulator.machine_learning.assets.environments import EnvironmentVersion
from emulator.machine_learning.assets.models import ModelVersion
from emulator.machine_learning.computes import Compute
from emulator.machine_learning.datastores import Datastore
from emulator.machine_learning.identifiers import JOB, workspace_id
from emulator.machine_learning.jobs import pipeline
from emulator.machine_learning.jobs.command import CommandPreparation
from emulator.machine_learning.jobs.folder import JobFolder
from emulator.machine_learning.jobs.folders import TAKEN_IN, JobFolders
from emulator.machine_learning.jobs.job_type import Job
from emulator.machine_learning.jobs.outputs import Outputs
from emulator.machine_learning.jobs.records import JobRecords
from emulator.machine_learning.jobs.runner import files
from emulator.machine_learning.jobs.scheduler import Scheduler
from emulator.machine_learning.locations import References, UnresolvedReference
from emulator.machine_learning.storage import WorkspaceStorage
from emulator.machine_learning.tracking.history import History
from emulator.machine_learning.tracking.mirror import Mirror
from emulator.machine_learning.tracking.server import TrackingServer
from emulator.machine_learning.workspaces import Workspace
from emulator.runtime import ProcessHandle
from emulator.service import Emulator, ResourceType, Route, Service
from emulator.settings import ARM_HOST
from emulator.store import Document

VERSIONS: dict[str, type[AssetVersion]] = {
    "environments": EnvironmentVersion,
    "data": DataVersion,
    "codes": CodeVersion,
    "models": ModelVersion,
    "components": ComponentVersion,
}
CODE_UPLOAD = (
    r"(?P<workspace>/subscriptions/[^/]+/resourcegroups/[^/]+/providers/[^/]+/workspaces/[^/]+)"
    r"/codes/(?P<name>[^/]+)/versions/[^/]+/startPendingUpload"
)
PAGES = "workflowType=machine_learning"
"""Which of its two sets of pages MLflow shows: those for training."""
DESCRIPTION = "mlflow.note.content"
logger = logging.getLogger(__name__)


class MachineLearningService(Service):
    """Workspaces, assets and jobs."""

    name = "machine_learning"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.storage = WorkspaceStorage(emulator)
        self.references = References(emulator.store, self.storage)
        self.tracking = TrackingServer(emulator)
        self.mirror = Mirror(emulator.store, self.tracking)
        self.records = JobRecords(emulator.store)
        self.folders = JobFolders(emulator.settings, emulator.store)
        self.outputs = Outputs(emulator, self.references, self.storage)
        self.preparation = CommandPreparation(emulator, self.references, self.storage, self.tracking.uri)
        self.steps = pipeline.StepJobs(self.references)
        self.datastores = Datastore(self)
        self.versions = {kind: behaviour(self, kind) for kind, behaviour in VERSIONS.items()}
        self.scheduler = Scheduler(self)
        self.history = History(self)

    def routes(self) -> Sequence[Route]:
        codes = self.versions["codes"]
        assert isinstance(codes, CodeVersion)  # noqa: S101 - the table above says so
        return (
            Route("*", r"/mlflow(/.*)?", self.mirror.answer, listener="http", bearer=False),
            Route("*", r"/runs/(?P<run>[^/&]+)(&.*)?", self.page, ("GET",), listener="http", bearer=False),
            Route(ARM_HOST, CODE_UPLOAD, codes.start_upload, ("POST",)),
            *self.history.routes(),
        )

    def resource_types(self) -> Sequence[ResourceType]:
        containers = [AssetContainer(self, kind) for kind in VERSIONS]
        return [Workspace(self), self.datastores, Compute(self), Job(self), *containers, *self.versions.values()]

    def reconcile(self) -> None:
        self.folders.tidy()
        self.scheduler.reconcile()

    def stop(self) -> None:
        self.tracking.close()
        self.scheduler.stop()
        self.tracking.stop()

    def page(self, request: Request) -> Response:
        """Leads from a job's short link to its page in MLflow, whose address is known only once the run is made: to the
        charts of a run that draws curves, else to its figures.

        azure-ai-ml appends `&tid=...` to the link.
        """
        name = request.parameters["run"]
        job = next((one for one in reversed(self.emulator.store.of_type(JOB)) if one.name == name), None)
        if job is None:
            raise not_found(request.path)
        experiment = job.private.get("experiment")
        if not experiment:
            return Response(302, headers={"location": f"{self.tracking.uri}/"})
        tab = "/model-metrics" if self.tracking.has_curves(name) else ""
        where = f"/#/experiments/{experiment}/runs/{name}{tab}?{PAGES}"
        return Response(302, headers={"location": self.tracking.uri + where})

    # -- the life of a job, as the scheduler asks for it

    def folder(self, job: Document) -> JobFolder:
        """Where a job runs."""
        return self.folders.of(job)

    def links(self, job: str) -> dict[str, Any]:
        """A job's `services`: where its metrics are and where a person looks at them."""
        page = f"{self.emulator.settings.http_url}/runs/{job}"
        return {
            "Tracking": {"endpoint": self.tracking.uri, "jobServiceType": "Tracking"},
            "Studio": {"endpoint": page, "jobServiceType": "Studio"},
        }

    def launch(self, job: Document) -> ProcessHandle:
        """Prepares a job's folder and starts its runner, which outlives this process.

        Raises:
            JobFailure: something the job names does not exist.
        """
        folder = self.folder(job)
        specification = self.preparation.prepare(job, folder)
        files.write_json(folder.path / files.SPECIFICATION, specification)
        return self.emulator.runtime.start(
            [sys.executable, "-s", "-S", "-m", "emulator.machine_learning.jobs.runner", str(folder.path)],
            environment=self.preparation.runner_environment(),
            directory=folder.path,
            log=folder.path / "runner.log",
            detached=True,
        )

    def track(self, job_id: str) -> None:
        """Makes the job's MLflow run and lets its runner go on; safe to repeat."""
        job = self.records.get(job_id)
        if job is None or self.folder(job).read(files.TRACKING):
            return
        workspace = self.emulator.store.get(workspace_id(job_id))
        properties = job.properties
        tags = {key: str(value) for key, value in (properties.get("tags") or {}).items()}
        if properties.get("description"):
            tags[DESCRIPTION] = properties["description"]
        tags["mlflow.azureml.workspaceId"] = workspace.properties["workspaceId"] if workspace else ""
        tags["mlflow.azureml.submitted"] = f"{job.created:.6f}"
        if job.private.get("parent"):
            tags["mlflow.parentRunId"] = job.private["parent"]
        experiment = self.tracking.create_run(job.name, properties["displayName"], properties["experimentName"], tags)
        self.records.update(job_id, experiment=experiment)
        folder = self.folder(job)
        if folder.path.exists():
            files.write_json(folder.path / files.TRACKING, {"environment": {}})

    def refuse(self, job: Document, message: str) -> None:
        """Writes down why a job could not be prepared, where its logs are looked for."""
        folder = self.folder(job)
        files.append(folder.logs / files.USER_LOG, f"The job could not be prepared. {message}")
        self.records.update(job.id, error={"code": "UserError", "message": message})

    def finish(self, job_id: str, *, canceled: bool) -> None:
        """Takes over what a job left and gives it its final status; safe to repeat."""
        job = self.records.get(job_id)
        if job is None:
            return
        folder = self.folder(job)
        status, error = ended(job, folder, canceled=canceled)
        if status == "Completed":
            self.records.update(job_id, "Finalizing")
        try:
            self.outputs.collect(workspace_id(job_id), job, folder, self.tracking.artifacts(job.name))
        except (UnresolvedReference, ServiceError, OSError) as problem:
            status, error = "Failed", {"code": "UserError", "message": f"The outputs could not be written: {problem}."}
        self._end_run(job, folder, status)
        self.records.update(job_id, status, **{TAKEN_IN: True}, **({"error": error} if error else {}))
        folder.remove()

    def next_steps(self, parent: Document, children: dict[str, Document]) -> list[Document]:
        """Makes the jobs of steps that can start now."""
        made: list[Document] = []
        for name in pipeline.ready_steps(parent, children):
            try:
                child = self.steps.child(parent, name, children)
            except UnresolvedReference as error:
                self.records.fail(parent.id, f"Step '{name}' could not be started: {error}.")
                return made
            child.properties["services"] = self.links(child.name)
            child.private["created"] = time.time()
            made.append(self.emulator.store.put(child))
        return made

    def end_pipeline(self, parent: Document) -> bool:
        """Gives a pipeline its final status once its steps have ended."""
        parent = self.records.get(parent.id) or parent
        children = {child.private["step"]: child for child in self.records.children(parent)}
        status = pipeline.outcome(parent, children)
        if status is None:
            return False
        failed = [name for name, child in children.items() if child.properties["status"] == "Failed"]
        error = {"code": "UserError", "message": pipeline_failure(failed, children)} if failed else None
        self.records.update(parent.id, status, **({"error": error} if error else {}))
        self._end_run(parent, None, status)
        return True

    def forget_run(self, job: Document) -> None:
        """Removes the MLflow run of a job that was deleted."""
        try:
            self.tracking.forget_run(job.name)
        except httpx.HTTPError as error:
            logger.warning("the run of %s was not removed: %s", job.name, error)

    def forget_workspace(self, identifier: str) -> None:
        """Removes for good what a workspace's jobs left."""
        try:
            self.tracking.forget(identifier)
        except httpx.HTTPError as error:
            raise ServiceError(
                500, "TrackingFailed", f"The runs of the workspace could not be removed: {error}."
            ) from None
        self.folders.remove_workspace(identifier)

    def _end_run(self, job: Document, folder: JobFolder | None, status: str) -> None:
        if folder is not None and folder.read(files.TRACKING) is None:
            return
        try:
            self.tracking.end_run(job.name, status)
        except (ServiceError, httpx.HTTPError) as error:
            logger.warning("the run of %s was not ended: %s", job.name, error)


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
    return "Failed", {"code": "UserError", "message": message}


def pipeline_failure(failed: list[str], children: dict[str, Document]) -> str:
    """What a failed pipeline says: which steps, and what they said."""
    said = [
        f"{name} ({children[name].name}): {(children[name].private.get('error') or {}).get('message', '')}"
        for name in failed
    ]
    return "Pipeline has some failed steps. " + "\n".join(said)
