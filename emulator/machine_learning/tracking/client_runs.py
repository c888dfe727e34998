"""Runs that nobody submitted: `mlflow.start_run` on a person's machine, or a nested run inside a job.

On Azure they are in the workspace's run history and among its jobs, told from submitted ones by nothing but that they
have no logs. MLflow has them first here; each becomes a job document as soon as it is made, and follows every change.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from emulator.machine_learning.identifiers import WORKSPACE, job_id, workspace_id
from emulator.machine_learning.jobs.records import TRACKED
from emulator.machine_learning.tracking.api import Api
from emulator.machine_learning.tracking.server import WORKSPACE_TAG, TrackingServer
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.machine_learning.jobs.outputs import Outputs
    from emulator.service import Emulator

JOB_TAG = "mlflow.azureml.jobName"
PARENT_TAG = "mlflow.parentRunId"
SOURCE_TAG = "mlflow.source.name"
STATES = {
    "SCHEDULED": "NotStarted",
    "RUNNING": "Running",
    "FINISHED": "Completed",
    "FAILED": "Failed",
    "KILLED": "Canceled",
}


class ClientRuns:
    """Takes over runs from MLflow."""

    def __init__(self, emulator: Emulator, tracking: TrackingServer, outputs: Outputs) -> None:
        self.emulator = emulator
        self.store = emulator.store
        self.tracking = tracking
        self.api = Api(tracking)
        self.outputs = outputs

    def take(self, workspace: str | None, run_id: str) -> None:
        """Makes the job of a run say what the run says; a run of a submitted job is that job's already."""
        run = self.api.run(run_id)
        tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])} if run else {}
        if run is None or JOB_TAG in tags:
            return
        home = self._workspace(tags) or workspace
        if home is None:
            return
        if WORKSPACE_TAG not in tags:
            self.api.set_tag(run_id, WORKSPACE_TAG, self._identifier(home))
        status = STATES[run["info"]["status"]]
        if status == "Completed" and (artifacts := self.tracking.artifacts(run_id)):
            self.outputs.upload(artifacts, self.outputs.artifact_location(home, run_id))
        with self.store.transaction():
            self.store.put(self._document(home, run, tags))

    def cancel(self, job: Document) -> None:
        """Ends a run whose program may still go on logging, as Azure does."""
        self.tracking.end_run(job.name, "Canceled")
        self.take(workspace_id(job.id), job.name)

    def _document(self, workspace: str, run: dict[str, Any], tags: dict[str, str]) -> Document:
        info = run["info"]
        name = str(info["run_id"])
        present = self.store.get(job_id(workspace, name))
        page = f"{self.emulator.settings.http_url}/runs/{name}"
        properties = {
            "jobType": "Command",
            "displayName": info.get("run_name") or name,
            "description": tags.get("mlflow.note.content"),
            "experimentName": self.api.experiment_name(info["experiment_id"]),
            "command": tags.get(SOURCE_TAG) or "mlflow",
            "environmentId": "",
            "inputs": {},
            "outputs": {},
            "tags": {key: value for key, value in tags.items() if not key.startswith("mlflow.")},
            "properties": {key: value for key, value in tags.items() if key.startswith("mlflow.")},
            "isArchived": info.get("lifecycle_stage") == "deleted",
            "services": {
                "Tracking": {"endpoint": self.tracking.uri, "jobServiceType": "Tracking"},
                "Studio": {"endpoint": page, "jobServiceType": "Studio"},
            },
            "status": STATES[info["status"]],
        }
        began, ended = info.get("start_time"), info.get("end_time")
        parent = self.store.get(job_id(workspace, tags.get(PARENT_TAG, "-")))
        private = {
            TRACKED: True,
            "experiment": info["experiment_id"],
            "created": present.private["created"] if present else time.time(),
            "began": int(began) / 1000 if began else None,
            "ended": int(ended) / 1000 if ended else None,
            "submitted": {},
            "outputs": {},
            **({"parent": parent.name, "step": name} if parent else {}),
        }
        return Document(job_id(workspace, name), {"properties": properties}, private)

    def _workspace(self, tags: dict[str, str]) -> str | None:
        """Where a run says that it belongs, or where its parent lives."""
        spaces = self.store.of_type(WORKSPACE)
        marked = next((one.id for one in spaces if one.properties["workspaceId"] == tags.get(WORKSPACE_TAG)), None)
        parent = tags.get(PARENT_TAG)
        if marked is not None or parent is None:
            return marked
        return next((one.id for one in spaces if self.store.get(job_id(one.id, parent))), None)

    def _identifier(self, workspace: str) -> str:
        found = self.store.get(workspace)
        return str(found.properties["workspaceId"]) if found else ""
