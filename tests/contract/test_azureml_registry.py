"""One model registry and one run history, whichever of the two clients writes: azure-ai-ml or MLflow."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import mlflow
import pytest
from azure.core.exceptions import ResourceNotFoundError
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.tracking import fluent
from mlflow.tracking._tracking_service import utils as tracking_service

with warnings.catch_warnings():  # of MLflow's about its own type hints
    warnings.simplefilter("ignore")
    from mlflow.pyfunc import PythonModel

from tests.contract.azureml_sdk import Model
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = [IGNORED, pytest.mark.filterwarnings("ignore")]


class Doubles(PythonModel):  # type: ignore[misc]
    """The smallest model that can be wrong."""

    def predict(self, model_input: list[float]) -> list[float]:
        return [2 * one for one in model_input]


@pytest.fixture(name="tracking", params=["http", "azureml"])
def fixture_tracking(
    request: pytest.FixtureRequest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> MlflowClient:
    """MLflow on a person's machine, as the workspace says, and through azureml-mlflow."""
    uri = workspace.client.workspaces.get(workspace.name).mlflow_tracking_uri
    if request.param == "azureml":
        uri = f"azureml://localhost:{workspace.emulator.settings.https_port}/mlflow/v1.0{workspace.id}"
    # MLflow keeps these for the whole process: a later test would write to this workspace.
    monkeypatch.setattr(tracking_service, "_tracking_uri", None)
    monkeypatch.setattr(fluent, "_active_experiment_id", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "")
    mlflow.set_tracking_uri(uri)
    with monkeypatch.context() as patch:  # azure-ai-ml's, for the whole process; the plugin knows no cloud of that name
        patch.delenv("AZUREML_CURRENT_CLOUD", raising=False)
        mlflow.set_experiment("notebooks")
    return MlflowClient()


def log_model(name: str, **options: Any) -> str:
    """Logs and registers a model in a run of its own and gives the run's id."""
    with mlflow.start_run(run_name="by hand") as run:
        mlflow.log_metric("auc", 0.7)
        mlflow.set_tag("kind", "notebook")
        mlflow.pyfunc.log_model(
            name="model", python_model=Doubles(), pip_requirements=[], registered_model_name=name, **options
        )
        return str(run.info.run_id)


def test_logged_model_is_a_model_of_the_workspace(workspace: Workspace, tracking: MlflowClient, tmp_path: Path) -> None:
    name = f"logged-{mlflow.get_tracking_uri().partition(':')[0]}"
    run = log_model(name)
    found = workspace.client.models.get(name, "1")
    assert (found.type, found.job_name) == ("mlflow_model", run)
    assert "python_function" in found.flavors
    assert name in [one.name for one in workspace.client.models.list()]
    workspace.client.models.download(name, "1", str(tmp_path))
    assert list(tmp_path.rglob("MLmodel"))
    assert mlflow.pyfunc.load_model(f"models:/{name}/1").predict([2.0]) == [4.0]

    job = workspace.client.jobs.get(run)
    assert (job.status, job.display_name, job.experiment_name) == ("Completed", "by hand", "notebooks")
    assert job.tags == {"kind": "notebook"}
    assert run in [one.name for one in workspace.client.jobs.list()]

    log_model(name)
    tracking.set_model_version_tag(name, "2", "quality", "good")
    tracking.set_registered_model_alias(name, "champion", "2")
    assert workspace.client.models.get(name, "2").tags["quality"] == "good"
    container = workspace.request("GET", f"{workspace.id}/models/{name}").json()["properties"]
    assert (container["tags"], container["latestVersion"]) == ({"champion": "2"}, "2")
    tracking.delete_registered_model_alias(name, "champion")
    assert workspace.request("GET", f"{workspace.id}/models/{name}").json()["properties"]["tags"] == {}
    tracking.delete_model_version(name, "1")
    assert [one.version for one in workspace.client.models.list(name)] == ["2"]
    tracking.delete_registered_model(name)
    with pytest.raises(ResourceNotFoundError):
        workspace.client.models.get(name, "2")


def test_registered_model_is_loaded_by_mlflow(workspace: Workspace, tracking: MlflowClient, tmp_path: Path) -> None:
    name = f"uploaded-{mlflow.get_tracking_uri().partition(':')[0]}"
    mlflow.pyfunc.save_model(tmp_path / "model", python_model=Doubles(), pip_requirements=[])
    model = Model(name=name, version="1", path=str(tmp_path / "model"), type="mlflow_model")
    workspace.client.models.create_or_update(model)
    assert mlflow.pyfunc.load_model(f"models:/{name}/1").predict([2.0]) == [4.0]
    tracking.update_model_version(name, "1", description="by MLflow")
    assert workspace.client.models.get(name, "1").description == "by MLflow"
    with pytest.raises(MlflowException, match="cannot rename"):
        tracking.rename_registered_model(name, "other")


def test_run_that_goes_on_is_a_job_that_runs(workspace: Workspace, tracking: MlflowClient) -> None:
    with mlflow.start_run() as run, mlflow.start_run(nested=True) as child:
        assert workspace.client.jobs.get(run.info.run_id).status == "Running"
        children = list(workspace.client.jobs.list(parent_job_name=run.info.run_id))
        assert [one.name for one in children] == [child.info.run_id]
        assert child.info.run_id not in [one.name for one in workspace.client.jobs.list()]
        workspace.client.jobs.begin_cancel(run.info.run_id).result()
        assert workspace.client.jobs.get(run.info.run_id).status == "Canceled"
    tracking.delete_run(run.info.run_id)
    assert run.info.run_id not in [one.name for one in workspace.client.jobs.list()], "archived"


def test_plugin_is_the_one_that_users_have() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.tracking._tracking_service.utils import _tracking_store_registry
    assert "azureml" in _tracking_store_registry._registry
