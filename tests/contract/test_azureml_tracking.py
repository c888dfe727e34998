"""The tracking server: MLflow's own clients, inside jobs and outside, and what is left when a workspace is gone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from tests.conftest import ROOT, RunningEmulator
from tests.contract.azureml_sdk import Environment, command
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace, with_cluster

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
REPORT = """
import json, os, time, urllib.request
uri, run = os.environ["MLFLOW_TRACKING_URI"], os.environ["MLFLOW_RUN_ID"]

def call(path, **body):
    request = urllib.request.Request(f"{uri}/api/2.0/mlflow/{path}", json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    return urllib.request.urlopen(request).read()

call("runs/log-metric", run_id=run, key="auc", value=0.86, timestamp=int(time.time() * 1000), step=1)
"""


@pytest.fixture(name="tracking")
def fixture_tracking(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return MlflowClient(workspace.client.workspaces.get(workspace.name).mlflow_tracking_uri)


def run_job(workspace: Workspace, text: str, experiment: str, **options: Any) -> str:
    """Runs a command and gives the job's name; it must complete."""
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    job = command(command=text, environment="plain:1", compute="cpu", experiment_name=experiment, **options)
    job.name = f"job-{uuid.uuid4().hex[:12]}"
    submitted: str = workspace.client.jobs.create_or_update(job).name
    assert workspace.end(submitted).status == "Completed", workspace.details(submitted)
    return submitted


@pytest.fixture(name="job", scope="module")
def fixture_job(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A job that has reported a figure."""
    code = tmp_path_factory.mktemp("code")
    (code / "report.py").write_text(REPORT)
    options = {"code": str(code), "display_name": "A report", "tags": {"kind": "training"}}
    return run_job(workspace, "python report.py", "metrics", **options)


def test_run_of_a_job_has_the_jobs_name(workspace: Workspace, tracking: MlflowClient, job: str) -> None:
    run = tracking.get_run(job)
    assert (run.info.run_name, run.info.status) == ("A report", "FINISHED")
    assert run.data.metrics == {"auc": 0.86}
    assert run.data.tags["mlflow.azureml.jobName"] == job
    assert {name for name in run.data.tags if not name.startswith("mlflow.")} == {"kind"}, "the job's own"
    found = workspace.client.jobs.get(job)
    link = httpx.get(found.studio_url, trust_env=False).headers["location"]
    page = f"/mlflow/#/experiments/{run.info.experiment_id}/runs/{job}"
    assert link.endswith(f"{page}/model-metrics?workflowType=machine_learning")
    assert "<title>MLflow</title>" in httpx.get(link.partition("#")[0], trust_env=False).text
    kind = tracking.get_experiment(run.info.experiment_id).tags["mlflow.experimentKind"]
    assert kind == "custom_model_development"


def test_deleted_jobs_name_can_be_used_again(workspace: Workspace, tracking: MlflowClient) -> None:
    job = run_job(workspace, "true", "metrics")
    tracking.log_metric(job, "stale", 1.0)
    workspace.delete(f"{workspace.id}/jobs/{job}")
    with pytest.raises(MlflowException, match="not found"):
        tracking.get_run(job)
    body = {"jobType": "Command", "command": "true", "environmentId": f"{workspace.id}/environments/plain/versions/1"}
    workspace.put(f"{workspace.id}/jobs/{job}", {"properties": {**body, "computeId": f"{workspace.id}/computes/cpu"}})
    assert workspace.end(job).status == "Completed"
    assert tracking.get_run(job).data.metrics == {}


def test_failed_job_is_a_failed_run(workspace: Workspace, tracking: MlflowClient) -> None:
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    job = command(command="exit 1", environment="plain:1", compute="cpu", experiment_name="metrics")
    submitted = workspace.client.jobs.create_or_update(job)
    workspace.end(submitted.name)
    assert tracking.get_run(submitted.name).info.status == "FAILED"


def test_mlflow_clients_work_outside_jobs(tracking: MlflowClient, tmp_path: Path) -> None:
    experiment = tracking.create_experiment("exploration")
    run = tracking.create_run(experiment, run_name="by hand")
    tracking.log_metric(run.info.run_id, "loss", 0.5)
    tracking.log_param(run.info.run_id, "depth", 3)
    (tmp_path / "plot.txt").write_text("plot")
    tracking.log_artifact(run.info.run_id, str(tmp_path / "plot.txt"), "plots")
    tracking.set_terminated(run.info.run_id)
    assert [one.path for one in tracking.list_artifacts(run.info.run_id, "plots")] == ["plots/plot.txt"]
    copy = tracking.download_artifacts(run.info.run_id, "plots/plot.txt", str(tmp_path))
    assert Path(copy).read_text() == "plot"
    model = tracking.create_registered_model("by-hand")
    assert tracking.create_model_version(model.name, run.info.artifact_uri, run.info.run_id).version == "1"
    tracking.delete_registered_model(model.name)
    tracking.delete_experiment(experiment)


def test_tags_that_a_job_gets_later_are_its_runs_too(workspace: Workspace, tracking: MlflowClient, job: str) -> None:
    assert tracking.get_run(job).data.tags["kind"] == "training"
    change = {"tags": {"verdict": "promoted"}}
    history = f"/history/v1.0{workspace.id}/experiments/metrics/runs/{job}"
    assert workspace.http.patch(history, json=change).status_code == 200
    found = tracking.get_run(job).data.tags
    assert (found["kind"], found["verdict"]) == ("training", "promoted")
    tracking.delete_run(job)  # in MLflow alone: its tags are not MLflow's business any more, and hold up nothing
    assert workspace.http.patch(history, json={"tags": {"verdict": "kept"}}).status_code == 200
    assert tracking.get_run(job).data.tags["verdict"] == "promoted"
    tracking.restore_run(job)


def test_models_of_the_workspace_are_in_the_registry(workspace: Workspace, tracking: MlflowClient, job: str) -> None:
    """By number, with links both ways; a tag of the model that names a version is its alias."""
    model, uri = f"{workspace.id}/models/mirrored", "azureml://datastores/workspaceblobstore/paths/mirrored/"
    for number, origin in (("1", {}), ("3", {"jobName": job})):  # a gap, as a deleted version leaves one
        properties = {"modelUri": uri + number, "modelType": "custom_model", "tags": {"system": "toy"}, **origin}
        workspace.put(f"{model}/versions/{number}", {"properties": {**properties, "description": f"auc 0.{number}"}})
    found = tracking.get_model_version("mirrored", "3")
    assert (found.run_id, found.source, found.description) == (job, uri + "3", "auc 0.3")
    assert found.tags == {"system": "toy"}
    assert [one.version for one in tracking.search_model_versions(f"run_id='{job}'")] == ["3"]
    assert tracking.get_registered_model("mirrored").aliases == {}

    for champion in ("3", "1"):
        workspace.put(model, {"properties": {"tags": {"champion": champion, "served": "2 times", "next": "7"}}})
        assert tracking.get_registered_model("mirrored").aliases == {"champion": champion}
        assert tracking.get_model_version_by_alias("mirrored", "champion").version == champion
    assert tracking.get_registered_model("mirrored").tags["served"] == "2 times"

    workspace.put(f"{model}/versions/3", {"properties": {"modelUri": uri + "3", "jobName": job, "isArchived": True}})
    assert tracking.get_model_version("mirrored", "3").current_stage == "Archived"
    workspace.delete(f"{model}/versions/3")
    assert [one.version for one in tracking.search_model_versions("name='mirrored'")] == ["1"]
    workspace.delete(model)
    assert [one.name for one in tracking.search_registered_models("name='mirrored'")] == []


@pytest.fixture(name="leaving")
def fixture_leaving(emulator: RunningEmulator) -> Iterator[Workspace]:
    workspace = with_cluster(Workspace(emulator, "leaving").create())
    yield workspace
    workspace.delete(workspace.group)
    workspace.close()


def names(tracking: MlflowClient) -> list[str]:
    """Experiments and registered models of all workspaces."""
    experiments = [one.name for one in tracking.search_experiments(ViewType.ALL)]
    return sorted([*experiments, *(one.name for one in tracking.search_registered_models())])


def test_nothing_is_left_of_a_purged_workspace(leaving: Workspace, tracking: MlflowClient) -> None:
    before = names(tracking)
    job = run_job(leaving, "echo x > outputs/x", "leaving-experiment")
    run = tracking.get_run(job)
    tracking.create_registered_model("leaving-model")
    tracking.create_model_version("leaving-model", run.info.artifact_uri, job)
    leaving.delete(leaving.id, forceToPurge="true")
    with pytest.raises(MlflowException, match="not found"):
        tracking.get_run(job)
    assert names(tracking) == before
    assert list(leaving.emulator.settings.state.glob(f"jobs/*/{job}")) == []


def test_server_says_nothing_to_the_outside(workspace: Workspace) -> None:
    log = (workspace.emulator.settings.state / "mlflow" / "server.log").read_text()
    assert "Traceback" not in log
    assert (ROOT / "mlruns").exists() is False
