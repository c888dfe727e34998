"""Outputs of a job: where they go, and how they get there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import ARTIFACT_STORE, BLOB_STORE, version_id, version_type
from emulator.machine_learning.jobs.folder import UPLOADED, JobFolder
from emulator.machine_learning.locations import Location, References, default_output
from emulator.machine_learning.storage import WorkspaceStorage
from emulator.service import Emulator
from emulator.store import Document

FILE_TYPE, DEFAULT_TYPE = "uri_file", "uri_folder"
TYPES = {"uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"}
MODELS = {"custom_model": "CustomModel", "mlflow_model": "MLFlowModel", "triton_model": "TritonModel"}


def plan(job: str, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Where each named output will be: `uri`, `type`, and the asset it becomes.

    Raises:
        ServiceError: 400 for an output of a type nobody knows.
    """
    planned = {}
    for name, output in given.items():
        kind = output.get("jobOutputType") or DEFAULT_TYPE
        if kind not in TYPES:
            raise ServiceError(
                400, "UserError", f"Output '{name}' has the unknown type '{kind}'.", target=f"outputs.{name}"
            )
        uri = output.get("uri") or default_output(job, name)
        if kind == FILE_TYPE:
            uri = uri.rstrip("/")  # of a path that ends in a slash azure-ai-ml downloads what is below it
        asset = {key: output[key] for key in ("assetName", "assetVersion", "description") if output.get(key)}
        uri = uri.replace("${{name}}", job).replace("${{default_datastore}}", BLOB_STORE)
        planned[name] = {"uri": uri, "type": kind, **asset}
    return planned


def local_path(folder: JobFolder, name: str, kind: str) -> Path:
    """The path that replaces `${{outputs.<name>}}`: a folder that exists, or a file that may be written."""
    path = folder.outputs / name
    if kind != FILE_TYPE:
        path.mkdir(parents=True, exist_ok=True)
    return path


class Outputs:
    """Takes what a job left into blob storage; safe to repeat."""

    def __init__(self, emulator: Emulator, references: References, storage: WorkspaceStorage) -> None:
        self.emulator = emulator
        self.references = references
        self.storage = storage

    def artifact_location(self, workspace: str, job: str) -> Location:
        """Where a job's logs and artefacts end."""
        return self.references.location(
            workspace, f"azureml://datastores/{ARTIFACT_STORE}/paths/ExperimentRun/dcid.{job}"
        )

    def collect(self, workspace: str, job: Document, folder: JobFolder, artifacts: Path | None) -> None:
        """Uploads logs, artefacts and named outputs, and registers the outputs that have asset names."""
        home = self.artifact_location(workspace, job.name)
        self.upload(folder.logs, home)
        for name in UPLOADED:
            self.upload(folder.working_directory / name, home.child(name))
        if artifacts:
            self.upload(artifacts, home)
        for name, output in (job.private.get("outputs") or {}).items():
            self.upload(folder.outputs / name, self.references.location(workspace, output["uri"]))
            if output.get("assetName"):
                self.register(workspace, output)

    def upload(self, source: Path, target: Location) -> None:
        """Uploads a file to the target, or every file of a folder below it; nothing when it is not there."""
        if source.is_file():
            self.storage.upload(source, target)
            return
        for file in sorted(source.rglob("*")):
            if file.is_file():
                self.storage.upload(file, target.child(file.relative_to(source).as_posix()))

    def register(self, workspace: str, output: dict[str, Any]) -> None:
        """Makes the data or model version that an output asked for; without a version it becomes the next one."""
        kind = "models" if output["type"] in MODELS else "data"
        uri, shape = ("modelUri", "modelType") if kind == "models" else ("dataUri", "dataType")
        container = f"{workspace}/{kind}/{output['assetName']}"
        with self.emulator.store.transaction():
            versions = self.emulator.store.children(container, version_type(kind))
            if any(version.properties[uri] == output["uri"] for version in versions):
                return
            found = self.emulator.store.get(container)
            version = output.get("assetVersion") or str(int(found.private["highest"] if found else 0) + 1)
            properties = {uri: output["uri"], shape: output["type"]}
            document = Document(version_id(workspace, kind, output["assetName"], version), {"properties": properties})
            behaviour = self.emulator.type(version_type(kind))
            if behaviour and self.emulator.store.get(document.id) is None:
                behaviour.prepare(document, None)
                self.emulator.store.put(document)
