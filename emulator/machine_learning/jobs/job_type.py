"""Jobs as ARM sees them: submitted once, changed in their description only, canceled by an action."""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from emulator.errors import ServiceError, unsupported
from emulator.http import Request, Response
from emulator.machine_learning.assets.asset import by_view, fill
from emulator.machine_learning.automl.specification import read_automl
from emulator.machine_learning.identifiers import JOB, JOB_NAME, workspace_id
from emulator.machine_learning.jobs.command import validate_command
from emulator.machine_learning.jobs.mlflow_runs import MlflowRuns
from emulator.machine_learning.jobs.outputs import plan
from emulator.machine_learning.jobs.pipeline import validate_pipeline
from emulator.machine_learning.jobs.records import TRACKED
from emulator.machine_learning.locations import References, UnresolvedReference
from emulator.machine_learning.sweeps.specification import read_sweep
from emulator.machine_learning.tracking.client_runs import ClientRuns
from emulator.runs.scheduler import Runs
from emulator.service import Action, ResourceType
from emulator.store import Document, Store

MUTABLE = frozenset({"description", "tags", "displayName", "properties", "isArchived"})
SERVER_SIDE = frozenset({"status", "services", "provisioningState"})
COMMON: dict[str, Any] = {
    "experimentName": "Default",
    "isArchived": False,
    "tags": {},
    "properties": {},
    "inputs": {},
    "outputs": {},
}
SERVERLESS = "serverless"


class Job(ResourceType):
    """A command, a pipeline or a sweep. Its name is single-use; steps of pipelines show no properties, as on Azure."""

    type = JOB

    def __init__(
        self, store: Store, references: References, runs: Runs, mlflow_runs: MlflowRuns, client_runs: ClientRuns
    ) -> None:
        self.store = store
        self.references = references
        self.runs = runs
        self.mlflow_runs = mlflow_runs
        self.client_runs = client_runs

    def prepare(self, document: Document, old: Document | None) -> None:
        if old is not None:
            update(document, old)
            return
        if not JOB_NAME.fullmatch(document.name):
            message = f"'{document.name}' is no job name: letters, digits, '-' and '_', at most 255 characters."
            raise ServiceError(400, "UserError", message)
        properties = document.properties
        for name in [name for name, value in properties.items() if value is None or name in SERVER_SIDE]:
            del properties[name]
        submitted = deepcopy(properties)
        fill(properties, {**COMMON, "displayName": document.name})
        self._validate(document)
        properties.update(status="NotStarted", services=self.mlflow_runs.links(document.name))
        outputs = plan(document.name, properties["outputs"])
        document.private.update(submitted=submitted, outputs=outputs, created=time.time())

    def apply(self, document: Document) -> None:
        self.runs.submit(document)

    def remove(self, document: Document) -> None:
        self.runs.discard(document)

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        documents = [document for document in documents if not document.private.get("parent")]
        if schedule := request.query.get("scheduleid"):
            documents = [document for document in documents if document.private.get("schedule") == schedule]
        kind = request.query.get("jobtype", "").lower()
        return by_view([one for one in documents if not kind or one.properties["jobType"].lower() == kind], request)

    def present(self, document: Document) -> dict[str, Any]:
        return {"properties": None} if document.private.get("parent") else document.body

    def actions(self) -> Mapping[str, Action]:
        return {"cancel": self.cancel}

    def cancel(self, document: Document, request: Request) -> Response:
        """Asks for the end of a job; one that has ended stays as it is."""
        if document.private.get(TRACKED):
            self.client_runs.cancel(document)
        else:
            self.runs.cancel(document)
        return Response(200)

    def _validate(self, document: Document) -> None:
        """400 for a compute, environment or code that does not exist; inputs are looked at when the job starts."""
        properties, workspace = document.properties, workspace_id(document.id)
        kind = properties.get("jobType")
        if kind == "Pipeline":
            validate_pipeline(workspace, properties, self.references)
        elif kind == "Command":
            validate_command(properties)
            self._require_assets(workspace, properties)
        elif kind == "AutoML":
            read_automl(properties)
        elif kind == "Sweep":
            read_sweep(properties)
            trial = properties.get("trial") or {}
            validate_command({**trial, "limits": {}})
            self._require_assets(workspace, trial)
        else:
            raise unsupported(f"A job of type '{kind}' (known: Command, Pipeline, Sweep, AutoML)")
        self._require_compute(workspace, properties)

    def _require_assets(self, workspace: str, properties: dict[str, Any]) -> None:
        for name, kind in (("environmentId", "environments"), ("codeId", "codes")):
            if properties.get(name):
                try:
                    self.references.asset(workspace, kind, properties[name])
                except UnresolvedReference as error:
                    raise ServiceError(400, "UserError", f"{error}.", target=name) from None

    def _require_compute(self, workspace: str, properties: dict[str, Any]) -> None:
        compute = properties.get("computeId")
        if compute is None or compute.lower() == SERVERLESS:
            return
        resource_id = compute.removeprefix("azureml:")
        resource_id = resource_id if resource_id.startswith("/") else f"{workspace}/computes/{resource_id}"
        if self.store.get(resource_id) is None:
            message = f"Unknown compute target '{compute.rpartition('/')[2]}'."
            raise ServiceError(400, "UserError", message, target="computeId")
        properties["computeId"] = resource_id


def update(document: Document, old: Document) -> None:
    """Takes over what may change of a job that exists.

    Raises:
        ServiceError: 409 when the request would change anything else.
    """
    wanted, present = document.properties, old.properties
    submitted = old.private["submitted"]
    for name, value in wanted.items():
        if name in MUTABLE or name in SERVER_SIDE or value in (None, present.get(name), submitted.get(name)):
            continue
        message = (
            f"A job with the name '{document.name}' already exists with another '{name}'. To create a new job, "
            "use a different name; of an existing one only description, tags, displayName, properties and isArchived "
            "can be updated."
        )
        raise ServiceError(409, "UserError", message, target=name)
    changed = {name: wanted[name] for name in MUTABLE if wanted.get(name) is not None}
    changed["properties"] = {**present.get("properties", {}), **changed.get("properties", {})}
    document.body.clear()
    document.body.update(deepcopy(old.body))
    document.properties.update(changed)
