"""Command jobs: submit, find, watch, cancel and archive them, and read what they left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ml.clients.arm import arm
from ml.clients.datastore import Folder
from ml.clients.errors import CloudError
from ml.clients.history import History
from ml.clients.workspace import API_VERSION, Workspace

COMPLETED = "Completed"
FAILED = ("Failed", "Canceled", "NotResponding")
LOG_FILE = "user_logs/std_log.txt"
MOST_PAGES = 50
DAMAGED = "damaged"
"""Tag of a job that ended well and whose files were changed or lost since; its value says which."""


@dataclass(frozen=True)
class JobSpecification:
    """What a command job runs: `code` is a folder to upload, `inputs` name data assets or folders of a datastore,
    `outputs` the folders that the job's own folders are uploaded to when it ends well.
    """

    name: str
    experiment: str
    description: str
    command: str
    code: Path
    environment: str
    compute: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    variables: Mapping[str, str]
    tags: Mapping[str, str]
    timeout_seconds: int


@dataclass(frozen=True)
class Job:
    """A job as the workspace knows it; `status` is one of Azure ML's words, `created` the time it was submitted at (ISO
    8601; "" when the service does not say). `code` and `environment` are ids, `inputs` what its inputs point at, by
    name.
    """

    name: str
    status: str
    experiment: str
    tags: Mapping[str, str]
    studio_uri: str
    archived: bool
    created: str = ""
    command: str = ""
    code: str = ""
    environment: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.completed or self.failed

    @property
    def completed(self) -> bool:
        """Whether it ended well."""
        return self.status == COMPLETED

    @property
    def failed(self) -> bool:
        """Whether it ended badly or was cancelled."""
        return self.status in FAILED

    @property
    def spoiled(self) -> bool:
        """Whether nothing can be made of it: it failed, or its files are not what it wrote any more."""
        return self.failed or DAMAGED in self.tags


class Jobs:
    """The jobs of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def find(self, name: str) -> Job | None:
        """A job by its name."""
        document = self.workspace.get(f"/jobs/{name}")
        return to_job(document) if document else None

    def peek(self, name: str) -> Job | None:
        """A job by its name, asked once and without waiting for a permission that may be fresh: for previews, which
        must neither wait nor fail. None too when nobody answers.
        """
        from azure.core.exceptions import AzureError

        try:
            document = arm().peek(f"{self.workspace.path}/jobs/{name}", API_VERSION)
        except (CloudError, AzureError):
            return None
        return to_job(document) if document else None

    def attempts(self, prefix: str) -> list[Job]:
        """Jobs named `<prefix>-<n>`, n = 1, 2, ... without a gap, oldest first: names are single-use, so a retry is a
        new job.
        """
        found: list[Job] = []
        while job := self.find(f"{prefix}-{len(found) + 1}"):
            found.append(job)
        return found

    def of_experiment(self, experiment: str) -> list[Job]:
        """All jobs of an experiment, archived ones too, newest first."""
        documents = arm().list(f"{self.workspace.path}/jobs", API_VERSION, listViewType="All")
        found = [job for job in map(to_job, documents) if job.experiment == experiment]
        return sorted(found, key=lambda job: job.created, reverse=True)

    def newest(self, experiment: str) -> Iterator[Job]:
        """The newest jobs of an experiment, archived ones too, newest first, as the service lists them: whoever has
        seen enough stops, and a workspace of many thousand jobs is not read to its end.
        """
        pages = arm().pages(f"{self.workspace.path}/jobs", API_VERSION, listViewType="All")
        for page in islice(pages, MOST_PAGES):
            yield from (job for job in map(to_job, page) if job.experiment == experiment)

    def submit(self, specification: JobSpecification) -> Job:
        """Uploads the code and starts the job.

        Raises:
            CloudError: something the job needs is missing, or the submission was refused.
        """
        from azure.ai.ml import Input, Output, command
        from azure.core.exceptions import AzureError

        job = command(
            name=specification.name,
            display_name=specification.name,
            experiment_name=specification.experiment,
            description=specification.description,
            command=specification.command,
            code=str(specification.code),
            environment=specification.environment,
            compute=specification.compute,
            inputs={name: Input(type="uri_folder", path=path) for name, path in specification.inputs.items()},
            outputs={
                name: Output(type="uri_folder", path=path, mode="upload")
                for name, path in specification.outputs.items()
            },
            environment_variables=dict(specification.variables),
            tags=dict(specification.tags),
        )
        job.set_limits(timeout=specification.timeout_seconds)
        try:
            self.workspace.sdk().jobs.create_or_update(job)
        except AzureError as error:
            raise CloudError(f"submitting {specification.name} failed: {error}") from None
        submitted = self.find(specification.name)
        if submitted is None:
            raise CloudError(f"{specification.name} was submitted but is not there")
        return submitted

    def code(self, job: Job, folder: Path) -> Path:
        """Downloads the code that a job ran; gives the folder back.

        Raises:
            CloudError: it is gone.
        """
        document = arm().get(job.code.removeprefix("azureml:"), API_VERSION) if job.code else None
        if document is None:
            raise CloudError(f"the code of {job.name} is gone", status=404)
        return Folder(self.workspace, str(document["properties"]["codeUri"])).download(folder)

    def cancel(self, name: str) -> None:
        """Asks a running job to stop."""
        arm().post(f"{self.workspace.path}/jobs/{name}/cancel", API_VERSION)

    def tag(self, job: Job, tags: Mapping[str, str], *, archived: bool) -> None:
        """Adds tags to a job and hides or shows it."""
        History(self.workspace).change(job.experiment, job.name, tags=tags, hidden=archived)

    def purge(self, name: str) -> None:
        """Deletes a job."""
        arm().delete(f"{self.workspace.path}/jobs/{name}", API_VERSION)

    def log_tail(self, name: str, lines: int = 20) -> str:
        """The last lines the job printed; empty when it has printed nothing."""
        return "\n".join(History(self.workspace).log(name, LOG_FILE).splitlines()[-lines:])

    def error(self, name: str) -> str:
        """Why a job failed, as the service says it; empty when it says nothing."""
        failure = History(self.workspace).details(name).get("error") or {}
        return str((failure.get("error") or {}).get("message", ""))


def to_job(document: Mapping[str, Any]) -> Job:
    """An ARM document as a job."""
    properties = document["properties"]
    studio = (properties.get("services") or {}).get("Studio") or {}
    return Job(
        name=str(document["name"]),
        status=str(properties["status"]),
        experiment=str(properties.get("experimentName", "Default")),
        tags=properties.get("tags") or {},
        studio_uri=str(studio.get("endpoint", "")),
        archived=bool(properties.get("isArchived")),
        created=str((document.get("systemData") or {}).get("createdAt") or ""),
        command=str(properties.get("command") or ""),
        code=str(properties.get("codeId") or ""),
        environment=str(properties.get("environmentId") or ""),
        inputs={name: str(one.get("uri") or "") for name, one in (properties.get("inputs") or {}).items()},
    )
