"""AutoML jobs through azure-ai-ml: FLAML finds the models, and says so; the contract is Azure's."""

# No `from __future__ import annotations`: azure-ai-ml reads the annotations of pipeline functions as types.

import random
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from azure.core.exceptions import HttpResponseError
from mlflow import MlflowClient

from tests.contract.azureml_sdk import Environment, Input, Output, automl, command, dsl
from tests.contract.azureml_workspace import (
    IGNORED,
    LOCATION,
    Workspace,
    fixture_sockets,
    fixture_workspace,
    with_cluster,
)

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
MLTABLE = """
paths:
  - file: ./rows.csv
transformations:
  - read_delimited:
        delimiter: ','
        encoding: 'ascii'
"""


def table(folder: Path, lines: list[str]) -> Input:
    """An MLTable of a few rows."""
    folder.mkdir()
    (folder / "MLTable").write_text(MLTABLE)
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    return Input(type="mltable", path=str(folder))


def people(folder: Path, rows: int = 200) -> Input:
    """A table whose label follows from two columns, but for noise."""
    chance = random.Random(1)
    lines = ["age,home.town,spends,buys"]
    for _ in range(rows):
        age, town = chance.randrange(18, 80), chance.choice(["Bonn", "Kiel", "Ulm"])
        spends = 3 * age + (50 if town == "Ulm" else 0) + chance.gauss(0, 5)
        lines.append(f"{age},{town},{spends:.2f},{'yes' if age > 50 or town == 'Ulm' else 'no'}")
    return table(folder, lines)


def submit(workspace: Workspace, job: Any) -> str:
    """Submits a job of two or three trials and gives its name."""
    job.name = f"automl-{uuid.uuid4().hex[:8]}"
    job.set_limits(timeout_minutes=5, max_trials=3)
    name: str = workspace.client.jobs.create_or_update(job).name
    assert workspace.end(name, seconds=400).status == "Completed", workspace.details(name)["error"]
    return name


def scores(workspace: Workspace, tracking: MlflowClient, name: str, metric: str) -> dict[str, float]:
    """The leaderboard: each child's score."""
    children = [one.name for one in workspace.client.jobs.list(parent_job_name=name)]
    return {child: tracking.get_run(child).data.metrics[metric] for child in children}


@pytest.fixture(name="tracking")
def fixture_tracking(workspace: Workspace) -> MlflowClient:
    return MlflowClient(workspace.client.workspaces.get(workspace.name).mlflow_tracking_uri)


def test_classification_has_a_leaderboard_and_an_onnx_model(
    workspace: Workspace, tracking: MlflowClient, tmp_path: Path
) -> None:
    job = automl.classification(
        training_data=people(tmp_path / "train"),
        target_column_name="buys",
        primary_metric="accuracy",
        compute="cpu",
        experiment_name="automl",
        outputs={"best_model": Output(type="mlflow_model")},
    )
    blocked = ["XGBoostClassifier", "ExtremeRandomTrees", "LogisticRegression"]
    job.set_training(blocked_training_algorithms=blocked, enable_onnx_compatible_models=True)
    name = submit(workspace, job)
    found = workspace.client.jobs.get(name)
    board = scores(workspace, tracking, name, "accuracy")
    assert len(board) == 3
    best = found.properties["best_child_run_id"]
    assert board[best] == max(board.values()) > 0.9
    assert found.properties["automl_engine"].startswith("FLAML")
    assert tracking.get_run(name).data.tags["automl_best_child_run_id"] == best
    assert {tracking.get_run(child).data.tags["learner"] for child in board} <= {"lgbm", "rf"}
    workspace.client.jobs.download(name, download_path=str(tmp_path / "down"), output_name="best_model")
    assert list((tmp_path / "down").rglob("MLmodel"))
    assert tracking.list_artifacts(best, "outputs/mlflow-model")
    graph = onnxruntime.InferenceSession(tracking.download_artifacts(best, "outputs/model.onnx", str(tmp_path)))
    rows: dict[str, Any] = {
        "age": [[70], [20], [20]],
        "home.town": [["Kiel"], ["Kiel"], ["Ulm"]],
        "spends": [[210], [60], [110]],
    }
    kinds = {"age": np.float32, "home.town": object, "spends": np.float32}
    given = {name: np.array(values, kinds[name]) for name, values in rows.items()}
    assert graph.run(["label"], given)[0].tolist() == ["yes", "no", "yes"]


def test_a_step_of_a_pipeline_finds_the_model_for_the_next_one(workspace: Workspace, tmp_path: Path) -> None:
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    folder = Input(type="uri_folder")
    prepare = command(
        command="cp ${{inputs.rows}}/* ${{outputs.rows}}",
        inputs={"rows": folder},
        outputs={"rows": Output(type="mltable")},
        environment="plain:1",
    )
    look = command(command="cat ${{inputs.model}}/MLmodel", inputs={"model": folder}, environment="plain:1")

    @dsl.pipeline(default_compute="cpu", experiment_name="automl")  # type: ignore[untyped-decorator]
    def find(rows: Input) -> None:
        node = automl.classification(
            training_data=prepare(rows=rows).outputs.rows,
            target_column_name="buys",
            n_cross_validations=2,
            outputs={"best_model": Output(type="mlflow_model")},
        )
        node.set_limits(timeout_minutes=5, max_trials=1)
        node.set_training(allowed_training_algorithms=["LightGBM"])
        look(model=node.outputs.best_model)

    name = workspace.client.jobs.create_or_update(find(rows=people(tmp_path / "train"))).name
    assert workspace.end(name, seconds=400).status == "Completed", workspace.details(name)["error"]


def test_a_cluster_whose_identity_may_not_read_the_table_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    nobody = workspace.put(f"{workspace.group}/providers/{kind}/nobody", {"location": LOCATION})["id"]
    with_cluster(workspace, "nobody", {"type": "UserAssigned", "userAssignedIdentities": {nobody: {}}})
    told = {"target_column_name": "buys", "primary_metric": "accuracy", "compute": "nobody"}
    job = automl.classification(training_data=people(tmp_path / "train"), experiment_name="automl", **told)
    job.name = f"automl-{uuid.uuid4().hex[:8]}"
    name = workspace.client.jobs.create_or_update(job).name
    assert workspace.end(name).status == "Failed"
    message = workspace.details(name)["error"]["error"]["message"]
    assert "403 AuthorizationPermissionMismatch" in message
    assert "identity of compute 'nobody' has no role to read" in message


@pytest.mark.long
def test_regression_has_its_scores_and_an_onnx_model(
    workspace: Workspace, tracking: MlflowClient, tmp_path: Path
) -> None:
    job = automl.regression(
        training_data=people(tmp_path / "train"),
        target_column_name="spends",
        primary_metric="r2_score",
        compute="cpu",
        experiment_name="automl",
    )
    job.set_training(enable_onnx_compatible_models=True)
    name = submit(workspace, job)
    board = scores(workspace, tracking, name, "r2_score")
    best = workspace.client.jobs.get(name).properties["best_child_run_id"]
    assert board[best] == max(board.values()) > 0.7
    graph = onnxruntime.InferenceSession(tracking.download_artifacts(best, "outputs/model.onnx", str(tmp_path)))
    given = {
        "age": np.array([[30], [60]], np.float32),
        "home.town": np.array([["Kiel"], ["Ulm"]], object),
        "buys": np.array([["no"], ["yes"]], object),
    }
    first, second = graph.run(["variable"], given)[0].ravel()
    assert second - first > 50


@pytest.mark.long
def test_forecasting_looks_ahead(workspace: Workspace, tracking: MlflowClient, tmp_path: Path) -> None:
    lines = ["time,load"]
    lines += [
        f"2026-01-{1 + hour // 24:02d} {hour % 24:02d}:00:00,{100 + 10 * (hour % 24)}"
        for hour in range(480)
        if hour != 99
    ]
    job = automl.forecasting(
        training_data=table(tmp_path / "train", lines),
        target_column_name="load",
        primary_metric="normalized_root_mean_squared_error",
        compute="cpu",
        experiment_name="automl",
    )
    job.set_forecast_settings(time_column_name="time", forecast_horizon=24)
    name = submit(workspace, job)
    board = scores(workspace, tracking, name, "normalized_root_mean_squared_error")
    assert board
    assert min(board.values()) < 0.2


def test_what_flaml_cannot_do_is_refused_at_once(workspace: Workspace, tmp_path: Path) -> None:
    job = automl.regression(
        training_data=people(tmp_path / "train", 20),
        target_column_name="spends",
        primary_metric="spearman_correlation",
        compute="cpu",
    )
    with pytest.raises(HttpResponseError, match=r"known: normalized_root_mean_squared_error"):
        workspace.client.jobs.create_or_update(job)
