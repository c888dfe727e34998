"""What clients write into MLflow's registry becomes the workspace's: there is one registry, and two ways to it.

A change is made by MLflow, by its own rules, and then read back into the store. Files of a model that was logged to
MLflow go into the workspace's blob storage, where jobs, images and `ml.models.download` look for them.
"""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.machine_learning.identifiers import ARTIFACT_STORE, ASSET_NAME, workspace_id
from emulator.machine_learning.jobs.inputs import Inputs
from emulator.machine_learning.locations import UnresolvedReference
from emulator.machine_learning.tracking.api import Api
from emulator.machine_learning.tracking.mirror import ALIAS, MODEL, MODEL_TAG, STAGES, VERSION, Mirror
from emulator.machine_learning.tracking.server import TrackingServer, response
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.machine_learning.jobs.outputs import Outputs
    from emulator.service import Emulator

SERVED = re.compile(r"(?:mlflow-artifacts:/*|https?://[^/]+/.*?/mlflow-artifacts/artifacts/)(?P<path>.+)")
LOGGED = re.compile(r"models:/(?P<id>m-\w+)")


class Registrations:
    """Passes writes on to MLflow's registry and takes over what came of them."""

    def __init__(self, emulator: Emulator, tracking: TrackingServer, mirror: Mirror, outputs: Outputs) -> None:
        self.emulator = emulator
        self.store = emulator.store
        self.tracking = tracking
        self.api = Api(tracking)
        self.mirror = mirror
        self.outputs = outputs
        self.inputs = Inputs(outputs.references, outputs.storage)

    def write(self, workspace: str | None, noun: str, verb: str, request: Request) -> Response:
        """Makes a change in MLflow and in the workspace that the model belongs to."""
        given: dict[str, Any] = request.json() or {}
        name = str(given.get("name", ""))
        if verb == "rename":
            return refusal(f"Azure ML cannot rename a model: register '{given.get('new_name')}' beside '{name}'.")
        if verb == "create" and not ASSET_NAME.fullmatch(name):
            return refusal(
                f"'{name}' is no name of a model in Azure ML: letters, digits, '-', '_' and '.', at most 255."
            )
        before = self.api.registered_model(name)
        answer = self.tracking.send(request)
        container = tags_of(before).get(MODEL_TAG) or (f"{workspace}/models/{name}" if workspace else None)
        if answer.is_success and container:
            if verb == "delete":
                self._delete(container, given.get("version"))
            else:
                self._take(container, name, by_alias=verb == "alias")
            self.mirror.refresh()
        return response(answer)

    def download_uri(self, request: Request) -> Response | None:
        """Where MLflow's clients get the files of a version; None when MLflow knows it itself.

        Files of a version that was registered with Azure ML are in blob storage: they are copied to where MLflow serves
        them from.
        """
        found = self._version(request.query.get("name", ""), request.query.get("version", ""))
        if found is None or found.private.get("source"):
            return None
        folder = f"registered/{uuid.uuid5(uuid.NAMESPACE_URL, found.key)}"
        target = self.tracking.folder / "artifacts" / folder
        if not target.exists():
            workspace = workspace_id(found.id)
            unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
            try:
                location = self.outputs.references.location(workspace, found.properties["modelUri"])
                self.inputs.copy(location, unfinished, single=False)
            except (UnresolvedReference, FileNotFoundError) as error:
                return refusal(f"The files of the model cannot be read: {error}.")
            unfinished.rename(target)
        return Response.json({"artifact_uri": f"mlflow-artifacts:/{folder}"})

    def _version(self, name: str, number: str) -> Document | None:
        model = self.api.registered_model(name)
        container = tags_of(model).get(MODEL_TAG)
        return self.store.get(f"{container}/versions/{number}") if container else None

    def _delete(self, container: str, number: str | None) -> None:
        with self.store.transaction():
            for version in self.store.children(container, VERSION):
                if number in (None, version.name):
                    self.store.delete(version.id)
            if number is None:
                self.store.delete(container)

    def _take(self, container: str, name: str, *, by_alias: bool) -> None:
        """Makes a model of the workspace say what MLflow's registry says."""
        model = self.api.registered_model(name)
        if model is None:
            return
        with self.store.transaction():
            present = self.store.get(container)
            document = present.copy() if present else Document(container, {"properties": {}}, {"highest": 0})
            behaviour = self.emulator.behaviour(MODEL)
            document.properties.update(
                description=model.get("description") or None, tags=tags_with_aliases(model, by_alias=by_alias)
            )
            behaviour.prepare(document, present)
            document.private["anonymous"] = False
            self.put(document, present)
        if MODEL_TAG not in tags_of(model):
            self.api.mark_model(name, MODEL_TAG, container)
        for version in self.api.model_versions(name):
            self._take_version(container, version)

    def _take_version(self, container: str, version: dict[str, Any]) -> None:
        identifier = f"{container}/versions/{version['version']}"
        present = self.store.get(identifier)
        document = self._new(identifier, version) if present is None else present.copy()
        stage = version.get("current_stage")
        document.properties.update(
            description=version.get("description") or None,
            tags=tags_of(version),
            isArchived=stage == "Archived",
            **({"stage": stage} if stage in STAGES else {}),
        )
        if stage == "None":
            document.properties.pop("stage", None)
        behaviour = self.emulator.behaviour(VERSION)
        with self.store.transaction():
            try:
                behaviour.prepare(document, present)
            except ServiceError:
                if present is not None:
                    raise
                # It points at what only MLflow can reach: kept as it was given.
                document.properties["modelUri"] = str(version.get("source", ""))
                behaviour.prepare(document, present)
            self.put(document, present)

    def _new(self, identifier: str, version: dict[str, Any]) -> Document:
        """A version that was registered in MLflow, its files in the workspace's storage."""
        source, run = str(version.get("source", "")), version.get("run_id") or ""
        files = self._files(source)
        properties: dict[str, Any] = {"modelUri": source}
        if run:
            properties["jobName"] = run
        if files is not None:
            workspace = workspace_id(identifier)
            owner = run or version.get("model_id") or "registered"
            path = f"ExperimentRun/dcid.{owner}/{model_name(files)}"
            target = self.outputs.references.location(workspace, f"azureml://datastores/{ARTIFACT_STORE}/paths/{path}")
            self.outputs.upload(files, target)
            properties["modelUri"] = f"azureml://datastores/{ARTIFACT_STORE}/paths/{path}"
            properties.update(described(files))
        return Document(identifier, {"properties": properties}, {"source": source} if files is not None else {})

    def _files(self, source: str) -> Path | None:
        """Where the files of a version's source are on this machine, None when MLflow does not keep them."""
        if found := LOGGED.fullmatch(source):
            source = self.api.logged_model_uri(found["id"]) or source
        found = SERVED.fullmatch(source)
        if found is None:
            return None
        root = (self.tracking.folder / "artifacts").resolve()
        path = (root / found["path"]).resolve()
        return path if path.is_relative_to(root) and path.exists() else None

    def put(self, document: Document, present: Document | None) -> None:
        """Writes a document unless nothing of it changed."""
        if present is None or (document.body, document.private) != (present.body, present.private):
            self.store.put(document)


def model_name(files: Path) -> str:
    """The folder of a logged model by a name that people can read: `artifacts` says nothing, its parent does."""
    return f"{files.parent.name}/{files.name}" if files.name == "artifacts" else files.name


def described(files: Path) -> dict[str, Any]:
    """A model's type and flavors, from its `MLmodel` file where it has one."""
    file = files / "MLmodel"
    if not file.exists():
        return {"modelType": "custom_model"}
    flavors = (yaml.safe_load(file.read_text()) or {}).get("flavors") or {}
    shown = {name: {"data": {key: str(value) for key, value in flavor.items()}} for name, flavor in flavors.items()}
    return {"modelType": "mlflow_model", "flavors": shown}


def tags_of(found: dict[str, Any] | None) -> dict[str, str]:
    """Tags of a model or a version as MLflow answers them; the mark of the model among them."""
    return {tag["key"]: tag.get("value", "") for tag in (found or {}).get("tags", [])}


def tags_with_aliases(model: dict[str, Any], *, by_alias: bool) -> dict[str, str]:
    """A model's tags in Azure ML, which has no aliases: one is a tag whose value is the number of a version.

    Both can be changed in MLflow. `by_alias` says that aliases were, so a tag that looks like one and is none goes.
    """
    aliases = {one["alias"]: str(one["version"]) for one in model.get("aliases", [])}
    tags = {key: value for key, value in tags_of(model).items() if key != MODEL_TAG}
    if not by_alias:
        return {**aliases, **tags}
    kept = {key: value for key, value in tags.items() if not (value.isdecimal() and ALIAS.fullmatch(key))}
    return {**kept, **aliases}


def refusal(message: str) -> Response:
    """A refusal in the shape that MLflow's clients read."""
    body = json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": message}).encode()
    return Response(400, body, {"content-type": "application/json"})
