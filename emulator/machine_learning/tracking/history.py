"""Run history and the small neighbours of it that azure-ai-ml asks: discovery, log files, resolved output paths.

The shapes are those of the SDK's own clients: `runhistory`, `dataset_dataplane` and `model_dataplane` in
`azure.ai.ml._restclient`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emulator.arm.resources import timestamp
from emulator.arm.service import ArmService
from emulator.errors import ServiceError, not_found
from emulator.http import Request, Response
from emulator.machine_learning.identifiers import job_id, workspace_id
from emulator.machine_learning.jobs.logs import JobLogs
from emulator.machine_learning.jobs.outputs import MODELS
from emulator.machine_learning.jobs.records import FINAL, JobRecords
from emulator.machine_learning.locations import DATA_PATH, References, long_uri
from emulator.service import Emulator, Route
from emulator.settings import ARM_HOST
from emulator.store import Document

INSIDE = r"(?P<workspace>/subscriptions/[^/]+/resourcegroups/[^/]+/providers/[^/]+/workspaces/[^/]+)"
RUN = r"(?:/experiments/[^/]+|/experimentids/[^/]+)?/runs/(?P<run>[^/:]+)"
OUTPUT_ASSET = re.compile(r"azureml_(?P<job>.+)_output_(?:data|model)_(?P<output>[^/]+)")
SERVICES = (
    "api",
    "catalog",
    "experimentation",
    "gallery",
    "history",
    "hyperdrive",
    "labeling",
    "modelmanagement",
    "pipelines",
    "studio",
)
RUN_TYPES = {
    "Command": "azureml.scriptrun",
    "Pipeline": "azureml.PipelineRun",
    "Sweep": "hyperdrive",
    "AutoML": "automl",
}
FIELDS = {
    "displayName": "displayName",
    "description": "description",
    "tags": "tags",
    "properties": "properties",
    "hidden": "isArchived",
}
"""What a client may change, by the names of run history and of ARM."""


class History:
    """Run history of every workspace."""

    def __init__(self, emulator: Emulator, records: JobRecords, references: References, logs: JobLogs) -> None:
        self.emulator = emulator
        self.store = emulator.store
        self.records = records
        self.references = references
        self.logs = logs

    def routes(self) -> Sequence[Route]:
        """The data plane's routes."""
        history = r"/history/v1\.0" + INSIDE
        return (
            Route(ARM_HOST, r"/discovery(/.*)?", self.discovery, ("GET",), bearer=False),
            Route(ARM_HOST, history + RUN, self.get_run, ("GET",)),
            Route(ARM_HOST, history + RUN, self.patch_run, ("PATCH",)),
            Route(ARM_HOST, history + RUN + "/details", self.details, ("GET",)),
            Route(ARM_HOST, history + RUN + "/children", self.children, ("GET",)),
            Route(ARM_HOST, history + RUN + r"/serviceinstances/\d+", self.instances, ("GET",)),
            Route(ARM_HOST, history + "/rundata", self.run_data, ("POST",)),
            Route(ARM_HOST, r"/data/v1\.0" + INSIDE + "/dataversion/batchGetResolvedUris", self.data_uris, ("POST",)),
            Route(
                ARM_HOST, r"/modelregistry/v1\.0" + INSIDE + "/models/batchGetResolvedUris", self.model_uris, ("POST",)
            ),
            Route(ARM_HOST, r"/joblogs" + INSIDE + r"/(?P<run>[^/]+)/(?P<name>.+)", self.log, ("GET",), bearer=False),
            Route(ARM_HOST, r"/mferp/managementfrontend(?P<path>/subscriptions/.+)", self.management),
        )

    # -- requests

    def discovery(self, request: Request) -> Response:
        """Every service of Azure ML is behind one address here."""
        return Response.json(dict.fromkeys(SERVICES, self.emulator.settings.base_url))

    def get_run(self, request: Request) -> Response:
        """One run."""
        return Response.json(self.run(self._job(request)))

    def patch_run(self, request: Request) -> Response:
        """Changes what describes a run; `hidden` is what ARM calls archived."""
        changes = request.json() or {}
        with self.store.transaction():
            job = self._job(request)
            for name, target in FIELDS.items():
                value = changes.get(name)
                if value is None:
                    continue
                merged = {**job.properties.get(target, {}), **value} if isinstance(value, dict) else value
                job.properties[target] = merged
            self.store.put(job)
        return Response.json(self.run(job))

    def details(self, request: Request) -> Response:
        """A run with the addresses of its log files: what `jobs.stream` follows."""
        job = self._job(request)
        run = self.run(job)
        times = {
            "createdTimeUtc": run["createdUtc"],
            "startTimeUtc": run["startTimeUtc"],
            "endTimeUtc": run["endTimeUtc"],
        }
        shown = {
            name: run[name] for name in ("runId", "runUuid", "parentRunId", "status", "tags", "properties", "target")
        }
        error = {"error": run["error"]} if run.get("error") else {}
        return Response.json({**shown, **times, **error, "warnings": [], "logFiles": self.logs.links(job)})

    def children(self, request: Request) -> Response:
        """The steps of a pipeline, the trials of a sweep, the nested runs of a job."""
        return Response.json({"value": [self.run(child) for child in self.records.children(self._job(request))]})

    def instances(self, request: Request) -> Response:
        """Interactive services of a job's node: none."""
        self._job(request)
        return Response.json({"instances": {}})

    def run_data(self, request: Request) -> Response:
        """A run with its outputs: what `jobs.download` starts from."""
        name = (request.json() or {}).get("runId", "")
        job = self._find(request.parameters["workspace"], name)
        return Response.json({"runMetadata": self.run(job), "runDefinition": {}, "jobSpecification": {}})

    def data_uris(self, request: Request) -> Response:
        """Paths of data outputs by their asset ids."""
        workspace, wanted = request.parameters["workspace"], (request.json() or {}).get("values", [])
        found = {asset: self._resolve(workspace, asset) for asset in wanted}
        return Response.json({"values": {asset: {"uri": uri, "type": kind} for asset, (uri, kind) in found.items()}})

    def model_uris(self, request: Request) -> Response:
        """Paths of model outputs by their asset ids."""
        workspace, wanted = request.parameters["workspace"], (request.json() or {}).get("values", [])
        found = {asset: self._resolve(workspace, asset) for asset in wanted}
        return Response.json({"values": {asset: {"path": uri, "type": kind} for asset, (uri, kind) in found.items()}})

    def log(self, request: Request) -> Response:
        """A log file by its signed address."""
        return self.logs.answer(self._job(request), request.parameters["name"], request)

    def management(self, request: Request) -> Response:
        """ARM's paths, as the management front end spells them."""
        path = request.parameters["path"]
        raw = request.raw_path[request.raw_path.lower().index("/subscriptions/") :]
        forwarded = replace(request, path=path, raw_path=raw, query={"api-version": "2024-04-01", **request.query})
        return self.emulator.services.get(ArmService).resource(forwarded)

    # -- runs and logs

    def run(self, job: Document) -> dict[str, Any]:
        """A job as run history shows it."""
        properties, private = job.properties, job.private
        parent = private.get("parent")
        error = private.get("error")
        run = {
            "runNumber": job.sequence,
            "rootRunId": private.get("root") or job.name,
            "parentRunId": parent,
            "runId": job.name,
            "runUuid": job.name,
            "experimentId": properties["experimentName"],
            "status": properties["status"],
            "createdUtc": timestamp(job.created),
            "startTimeUtc": timestamp(private["began"]) if private.get("began") else None,
            "endTimeUtc": timestamp(private["ended"]) if private.get("ended") else None,
            "displayName": properties["displayName"],
            "name": properties["displayName"],
            "description": properties.get("description"),
            "tags": properties.get("tags") or {},
            "properties": properties.get("properties") or {},
            "hidden": bool(properties.get("isArchived")),
            "runType": "azureml.StepRun" if parent else RUN_TYPES[properties["jobType"]],
            "target": (properties.get("computeId") or "").rpartition("/")[2] or "serverless",
            "outputs": self.output_assets(job),
            "services": {},
        }
        run["compute"] = {"target": run["target"]}
        return {**run, "error": {"error": {**error, "messageParameters": {}}}} if error else run

    def output_assets(self, job: Document) -> dict[str, Any]:
        """Named outputs as references; they exist once the job has ended."""
        if job.properties["status"] not in FINAL:
            return {}
        workspace = self.store.get(workspace_id(job.id))
        scope = (
            f"azureml://locations/{workspace.body['location']}/workspaces/{workspace.properties['workspaceId']}"
            if workspace
            else ""
        )
        assets = {}
        for name, output in (job.private.get("outputs") or {}).items():
            kind = "model" if output["type"] in MODELS else "data"
            asset = (
                f"{scope}/{'models' if kind == 'model' else 'data'}/azureml_{job.name}_output_{kind}_{name}/versions/1"
            )
            assets[name] = {"assetId": asset, "type": MODELS.get(output["type"]) or output["type"]}
        return assets

    def _resolve(self, workspace: str, asset: str) -> tuple[str, str]:
        """Path and type of an output or a registered asset."""
        name = asset.rpartition("/versions/")[0].rpartition("/")[2]
        if found := OUTPUT_ASSET.fullmatch(name):
            output = (self._find(workspace, found["job"]).private.get("outputs") or {}).get(found["output"])
            if output:
                return long_uri(workspace, output["uri"]), output["type"]
        elif found := DATA_PATH.fullmatch(asset):
            version = self.references.asset(workspace, "data", f"azureml:{found['name']}:{found['version']}")
            return version.properties["dataUri"], version.properties["dataType"]
        raise not_found(asset)

    def _job(self, request: Request) -> Document:
        return self._find(request.parameters["workspace"], request.parameters["run"])

    def _find(self, workspace: str, name: str) -> Document:
        job = self.store.get(job_id(workspace, name))
        if job is None:
            raise ServiceError(
                404, "RunNotFound", f"Run '{name}' was not found in workspace '{workspace.rpartition('/')[2]}'."
            )
        return job
