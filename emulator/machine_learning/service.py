"""The Azure Machine Learning service: its resource types, its data plane, and the life of its jobs."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from emulator.errors import ServiceError, not_found
from emulator.http import Request, Response
from emulator.machine_learning.assets.asset import AssetContainer, AssetVersion
from emulator.machine_learning.assets.codes import CodeVersion
from emulator.machine_learning.assets.components import ComponentVersion
from emulator.machine_learning.assets.data import DataVersion
from emulator.machine_learning.assets.environments import EnvironmentContainer, EnvironmentVersion
from emulator.machine_learning.assets.models import ModelVersion
from emulator.machine_learning.automl.automl_run import AutoMLPreparation, AutoMLRun
from emulator.machine_learning.computes import Compute
from emulator.machine_learning.datastores import Datastore
from emulator.machine_learning.identifiers import JOB
from emulator.machine_learning.identity_access import IdentityAccess
from emulator.machine_learning.jobs.command import CommandPreparation
from emulator.machine_learning.jobs.command_run import CommandRun
from emulator.machine_learning.jobs.folders import JobFolders
from emulator.machine_learning.jobs.job_type import Job
from emulator.machine_learning.jobs.logs import JobLogs
from emulator.machine_learning.jobs.mlflow_runs import MlflowRuns
from emulator.machine_learning.jobs.outputs import Outputs
from emulator.machine_learning.jobs.pipeline_run import PipelineRun
from emulator.machine_learning.jobs.records import RUNNING_JOBS, JobRecords
from emulator.machine_learning.jobs.steps import StepJobs
from emulator.machine_learning.locations import References
from emulator.machine_learning.schedules.clock import Clock
from emulator.machine_learning.schedules.schedule_type import Schedule
from emulator.machine_learning.storage import WorkspaceStorage
from emulator.machine_learning.sweeps.sweep_run import SweepRun
from emulator.machine_learning.tracking.client_runs import ClientRuns
from emulator.machine_learning.tracking.front import TrackingFront
from emulator.machine_learning.tracking.history import History
from emulator.machine_learning.tracking.mirror import Mirror
from emulator.machine_learning.tracking.registrations import Registrations
from emulator.machine_learning.tracking.server import TrackingServer
from emulator.machine_learning.workspaces import Workspace
from emulator.runs.kind import RunKind
from emulator.runs.scheduler import Runs
from emulator.service import Emulator, ResourceType, Route, Service
from emulator.settings import ARM_HOST

CODE_UPLOAD = (
    r"(?P<workspace>/subscriptions/[^/]+/resourcegroups/[^/]+/providers/[^/]+/workspaces/[^/]+)"
    r"/codes/(?P<name>[^/]+)/versions/[^/]+/startPendingUpload"
)
PAGES = "workflowType=machine_learning"
"""Which of its two sets of pages MLflow shows: those for training."""


class MachineLearningService(Service):
    """Workspaces, assets and jobs."""

    name = "machine_learning"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.storage = WorkspaceStorage(emulator)
        self.rights = IdentityAccess(emulator.store, emulator.access)
        self.references = References(emulator.store, self.storage)
        self.tracking = TrackingServer(emulator)
        self.mirror = Mirror(emulator.store, self.tracking)
        self.records = JobRecords(emulator.store)
        self.folders = JobFolders(emulator.settings, emulator.store)
        self.outputs = Outputs(emulator, self.references, self.storage)
        self.client_runs = ClientRuns(emulator, self.tracking, self.outputs)
        registrations = Registrations(emulator, self.tracking, self.mirror, self.outputs)
        self.front = TrackingFront(emulator, self.tracking, self.mirror, registrations, self.client_runs)
        self.preparation = CommandPreparation(emulator, self.references, self.storage, self.tracking.uri, self.rights)
        self.datastores = Datastore(emulator.settings, emulator.store, self.storage)
        self.codes = CodeVersion(emulator.store, self.storage)
        self.versions: tuple[AssetVersion, ...] = (
            EnvironmentVersion(emulator.store),
            DataVersion(emulator.store),
            self.codes,
            ModelVersion(emulator.store, self.references),
            ComponentVersion(emulator.store, self.references),
        )
        self.mlflow_runs = MlflowRuns(emulator.settings, self.records, self.folders, self.tracking)
        self.kinds: dict[str, RunKind] = {
            "Command": CommandRun(
                emulator.runtime,
                self.records,
                self.folders,
                self.preparation,
                self.outputs,
                self.tracking,
                self.mlflow_runs,
            ),
            "Pipeline": PipelineRun(self.records, StepJobs(self.references), self.mlflow_runs),
            "Sweep": SweepRun(self.records, self.outputs, self.tracking, self.mlflow_runs),
        }
        automl = AutoMLPreparation(emulator, self.references, self.storage, self.tracking.uri, self.rights)
        self.kinds["AutoML"] = AutoMLRun(
            emulator.runtime, self.records, self.folders, automl, self.outputs, self.tracking, self.mlflow_runs
        )
        self.runs = Runs("job", self.records, lambda job: self.kinds[job.properties["jobType"]], at_once=RUNNING_JOBS)
        self.clock = Clock(emulator.store)
        self.schedules = Schedule(emulator, self.clock.changed)
        logs = JobLogs(emulator.settings, self.folders, self.storage, self.outputs)
        self.history = History(emulator, self.records, self.references, logs)

    def routes(self) -> Sequence[Route]:
        return (
            *self.front.routes(),
            Route("*", r"/runs/(?P<run>[^/&]+)(&.*)?", self.page, ("GET",), listener="http", bearer=False),
            Route(ARM_HOST, CODE_UPLOAD, self.codes.start_upload, ("POST",)),
            *self.history.routes(),
        )

    def resource_types(self) -> Sequence[ResourceType]:
        job = Job(self.emulator.store, self.references, self.runs, self.mlflow_runs, self.client_runs)
        store = self.emulator.store
        others = [version.kind for version in self.versions if version.kind != EnvironmentVersion.kind]
        containers = [
            EnvironmentContainer(store, EnvironmentVersion.kind),
            *(AssetContainer(store, one) for one in others),
        ]
        workspace = Workspace(
            self.emulator.settings, store, self.storage, self.datastores, self.forget_workspace, self.rights
        )
        return [workspace, self.datastores, Compute(store, self.runs), job, self.schedules, *containers, *self.versions]

    def reconcile(self) -> None:
        self.folders.tidy()
        self.runs.reconcile()
        self.clock.start(self.schedules)

    def stop(self) -> None:
        self.tracking.close()
        self.clock.stop()
        self.runs.stop()
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

    def forget_workspace(self, identifier: str) -> None:
        """Removes for good what a workspace's jobs left."""
        try:
            self.tracking.forget(identifier)
        except httpx.HTTPError as error:
            raise ServiceError(
                500, "TrackingFailed", f"The runs of the workspace could not be removed: {error}."
            ) from None
        self.folders.remove_workspace(identifier)
