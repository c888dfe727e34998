"""The folders that jobs run in, and which of them are still needed."""

from __future__ import annotations

from emulator.machine_learning.identifiers import JOB, workspace_id
from emulator.machine_learning.jobs.folder import JobFolder
from emulator.settings import Settings
from emulator.store import Document, Store

# Beside a job's document, written with its final status: its logs and outputs are in blob storage.
TAKEN_IN = "taken_in"


class JobFolders:
    """A folder for each job, in one for each workspace."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._root = settings.state / "jobs"
        self._store = store

    def of(self, job: Document) -> JobFolder:
        """Where a job runs."""
        workspace = self._store.get(workspace_id(job.id))
        identifier = workspace.properties["workspaceId"] if workspace else "deleted"
        return JobFolder(self._root / identifier / job.name)

    def remove_workspace(self, identifier: str) -> None:
        """Removes the folders of all jobs of a workspace."""
        JobFolder(self._root / identifier).remove()

    def tidy(self) -> None:
        """Removes the folders of jobs that are gone or whose results have been taken in: a kill can leave them.

        The folder of a job that the emulator itself failed stays: nobody else has its logs and outputs.
        """
        needed = {self.of(job).path for job in self._store.of_type(JOB) if not job.private.get(TAKEN_IN)}
        for path in self._root.glob("*/*"):
            if path not in needed:
                JobFolder(path).remove()
