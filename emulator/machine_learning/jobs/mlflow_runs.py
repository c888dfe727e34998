"""The MLflow run that every job has, named as the job."""

from __future__ import annotations

import logging
from typing import Any

import httpx

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.jobs.folders import JobFolders
from emulator.machine_learning.jobs.records import JobRecords
from emulator.machine_learning.jobs.runner import files
from emulator.machine_learning.tracking.server import TrackingServer
from emulator.settings import Settings
from emulator.store import Document

DESCRIPTION = "mlflow.note.content"
logger = logging.getLogger(__name__)


class MlflowRuns:
    """Makes, ends and removes them; none of it fails a job."""

    def __init__(self, settings: Settings, records: JobRecords, folders: JobFolders, tracking: TrackingServer) -> None:
        self._settings = settings
        self._records = records
        self._folders = folders
        self._tracking = tracking

    def links(self, job: str) -> dict[str, Any]:
        """A job's `services`: where its metrics are and where a person looks at them."""
        page = f"{self._settings.http_url}/runs/{job}"
        return {
            "Tracking": {"endpoint": self._tracking.uri, "jobServiceType": "Tracking"},
            "Studio": {"endpoint": page, "jobServiceType": "Studio"},
        }

    def make(self, job_id: str) -> None:
        """Makes a job's run and lets its runner start the command; safe to repeat. Waits for the tracking server."""
        try:
            self._make(job_id)
        except ServiceError as error:
            logger.warning("the run of %s was not made: %s", job_id, error.message)

    def _make(self, job_id: str) -> None:
        job = self._records.get(job_id)
        if job is None or self._folders.of(job).read(files.TRACKING):
            return
        workspace = self._records.store.get(workspace_id(job_id))
        properties = job.properties
        tags = {key: str(value) for key, value in (properties.get("tags") or {}).items()}
        if properties.get("description"):
            tags[DESCRIPTION] = properties["description"]
        tags["mlflow.azureml.workspaceId"] = workspace.properties["workspaceId"] if workspace else ""
        tags["mlflow.azureml.submitted"] = f"{job.created:.6f}"
        if job.private.get("parent"):
            tags["mlflow.parentRunId"] = job.private["parent"]
        experiment = self._tracking.create_run(job.name, properties["displayName"], properties["experimentName"], tags)
        self._records.update(job_id, experiment=experiment)
        folder = self._folders.of(job)
        if folder.path.exists():
            files.write_json(folder.path / files.TRACKING, {"environment": {}})

    def end(self, job: Document, status: str) -> None:
        """Ends a job's run."""
        try:
            self._tracking.end_run(job.name, status)
        except (ServiceError, httpx.HTTPError) as error:
            logger.warning("the run of %s was not ended: %s", job.name, error)

    def forget(self, job: Document) -> None:
        """Removes the run of a job that was deleted."""
        try:
            self._tracking.forget_run(job.name)
        except httpx.HTTPError as error:
            logger.warning("the run of %s was not removed: %s", job.name, error)
