"""Log files of jobs, by addresses that need no token: from the job's folder as they grow, then from blob storage."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import urlencode

from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.jobs.folders import JobFolders
from emulator.machine_learning.jobs.outputs import Outputs
from emulator.machine_learning.jobs.runner.files import BUILD_LOG, USER_LOG
from emulator.machine_learning.locations import Location, UnresolvedReference
from emulator.machine_learning.storage import WorkspaceStorage
from emulator.settings import Settings
from emulator.store import Document

NAMES = (BUILD_LOG, USER_LOG)
LINK_SECONDS = 3600


class JobLogs:
    """Log files of every job."""

    def __init__(self, settings: Settings, folders: JobFolders, storage: WorkspaceStorage, outputs: Outputs) -> None:
        self.settings = settings
        self.folders = folders
        self.storage = storage
        self.outputs = outputs

    def links(self, job: Document) -> dict[str, str]:
        """Addresses of the log files there are, valid for an hour."""
        base = f"{self.settings.base_url}/joblogs{workspace_id(job.id)}/{job.name}"
        expiry = str(int(time.time() + LINK_SECONDS))
        names = [name for name in NAMES if self.exists(job, name)]
        return {
            name: f"{base}/{name}?{urlencode({'se': expiry, 'sig': self._sign(job, name, expiry)})}" for name in names
        }

    def answer(self, job: Document, name: str, request: Request) -> Response:
        """A log file by its address.

        Raises:
            ServiceError: 403, the address was changed or has expired.
        """
        expiry = request.query.get("se", "")
        if not hmac.compare_digest(request.query.get("sig", ""), self._sign(job, name, expiry)):
            raise ServiceError(403, "AuthenticationFailed", "The signature of the log's address is wrong.")
        if float(expiry) < time.time():
            raise ServiceError(403, "AuthenticationFailed", "The log's address has expired.")
        return Response.text(self.read(job, name))

    def exists(self, job: Document, name: str) -> bool:
        """Whether the job has this log file."""
        if (self.folders.of(job).logs / name).exists():
            return True
        try:
            return self.storage.is_blob(self._home(job).child(name))
        except UnresolvedReference:
            return False

    def read(self, job: Document, name: str) -> str:
        """The text of a log file, "" when there is none."""
        try:
            return (self.folders.of(job).logs / name).read_text(errors="replace")
        except FileNotFoundError:
            pass
        try:
            return self.storage.read(self._home(job).child(name)).decode(errors="replace")
        except (FileNotFoundError, UnresolvedReference):
            return ""

    def _home(self, job: Document) -> Location:
        return self.outputs.artifact_location(workspace_id(job.id), job.name)

    def _sign(self, job: Document, name: str, expiry: str) -> str:
        text = "\n".join((job.key, name, expiry))
        return hmac.new(self.settings.identity_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
