"""Metrics of a run as they come, over MLflow's REST API: the same calls for a plain MLflow server and for Azure ML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ml.clients.cloud import load_cloud, token, trust
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace

# A tracking server that starts at its first request may take this long.
REQUEST_SECONDS = 120.0


@dataclass(frozen=True)
class Run:
    """An MLflow run: its last metrics, its parameters and tags. Azure ML names the run of a job like the job."""

    run_id: str
    experiment_id: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    name: str = ""


class Tracking:
    """The tracking server of a workspace."""

    def __init__(self, uri: str) -> None:
        import httpx

        self.uri = uri
        base, self._needs_token = rest_base(uri)
        self._http = httpx.Client(base_url=base, verify=trust(), timeout=REQUEST_SECONDS)

    @classmethod
    def of(cls, workspace: Workspace) -> Tracking:
        """The server that the workspace names."""
        return cls(str(workspace.properties()["mlFlowTrackingUri"]))

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def run(self, job: str, experiment: str) -> Run | None:
        """The run of an Azure ML job.

        Azure ML gives a job's run the job's name as id; a plain MLflow server chooses ids itself and knows the name as
        run name.
        """
        found = self._send("GET", "runs/get", {"run_id": job}, missing=True)
        if found:
            return _run(found["run"])
        experiment_id = self.experiment(experiment)
        if experiment_id is None:
            return None
        query = {"experiment_ids": [experiment_id], "filter": f"attributes.run_name = '{job}'", "max_results": 1}
        runs = (self._send("POST", "runs/search", query) or {}).get("runs", [])
        return _run(runs[0]) if runs else None

    def newest(self, experiment: str, most: int) -> list[Run]:
        """The newest runs of an experiment, newest first."""
        experiment_id = self.experiment(experiment)
        if experiment_id is None:
            return []
        order = ["attributes.start_time DESC"]
        query = {"experiment_ids": [experiment_id], "max_results": most, "order_by": order}
        return [_run(one) for one in (self._send("POST", "runs/search", query) or {}).get("runs", [])]

    def experiment(self, name: str) -> str | None:
        """The id of an experiment by its name."""
        found = self._send("GET", "experiments/get-by-name", {"experiment_name": name}, missing=True)
        return str(found["experiment"]["experiment_id"]) if found else None

    def delete_experiment(self, name: str) -> None:
        """Deletes an experiment with its runs; nothing happens when there is none."""
        experiment_id = self.experiment(name)
        if experiment_id is not None:
            self._send("POST", "experiments/delete", {"experiment_id": experiment_id})

    def _send(self, method: str, call: str, values: dict[str, Any], *, missing: bool = False) -> dict[str, Any] | None:
        import httpx

        headers = {"authorization": f"Bearer {token(load_cloud().scope)}"} if self._needs_token else {}
        options: dict[str, Any] = {"params": values} if method == "GET" else {"json": values}
        try:
            answer = self._http.request(method, f"api/2.0/mlflow/{call}", headers=headers, **options)
        except httpx.HTTPError as error:
            raise CloudError(f"the tracking server {self.uri} does not answer ({error})") from None
        if missing and answer.status_code in (400, 404):
            return None
        if not answer.is_success:
            raise CloudError(f"{call}: {answer.status_code}: {answer.text[:300]}", status=answer.status_code)
        body: dict[str, Any] = answer.json()
        return body


def rest_base(uri: str) -> tuple[str, bool]:
    """Where the REST API of a tracking URI answers, and whether it wants an Azure token.

    `azureml://HOST/mlflow/v1.0/subscriptions/...` answers at `https://HOST/mlflow/v2.0/subscriptions/...`: azureml-
    mlflow does
    the same translation.
    """
    parts = urlsplit(uri)
    if parts.scheme == "azureml":
        return f"https://{parts.netloc}{parts.path.replace('/mlflow/v1.0', '/mlflow/v2.0', 1)}/", True
    return uri.rstrip("/") + "/", False


def _run(value: dict[str, Any]) -> Run:
    info, data = value["info"], value.get("data", {})
    metrics = {one["key"]: float(one["value"]) for one in data.get("metrics", [])}
    steps = {one["key"]: int(one.get("step", 0)) for one in data.get("metrics", [])}
    tags = {one["key"]: one["value"] for one in data.get("tags", [])}
    parameters = {one["key"]: one["value"] for one in data.get("params") or []}
    name = str(info.get("run_name") or tags.get("mlflow.runName") or "")
    return Run(info["run_id"], info["experiment_id"], metrics, steps, tags, parameters, name)
