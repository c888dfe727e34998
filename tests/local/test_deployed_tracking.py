"""What MLflow shows of a deployed stack: data, commit, author and figures of each run, and the models they became."""

from __future__ import annotations

import json
import ssl
import subprocess
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.local.conftest import Deployed
from tests.local.serving import MODEL


@pytest.fixture(name="client", scope="module")
def fixture_client(deployed: Deployed) -> MlflowClient:
    return MlflowClient(f"{deployed.http}/mlflow")


def runs(client: MlflowClient, kind: str) -> list[Run]:
    """The bike buyer's runs of a kind, oldest first."""
    experiment = client.get_experiment_by_name("bike_buyer")
    found: list[Run] = client.search_runs([experiment.experiment_id], f"tags.kind = '{kind}'")
    return sorted(found, key=lambda run: run.info.start_time)


def test_a_run_says_which_data_commit_and_author_it_has(deployed: Deployed, client: MlflowClient) -> None:
    data, first = deployed.checkout.outputs()["data"], runs(client, "training")[0]
    [given] = first.inputs.dataset_inputs
    assert given.dataset.digest == data["version"] == first.data.tags["data_version"]
    assert json.loads(given.dataset.source) == {"uri": f"azureml:{given.dataset.name}:{data['version']}"}
    profile = json.loads(given.dataset.profile)
    assert (profile["num_rows"], profile["data_source"]) == (max(data["rows"].values()), "real")
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=deployed.checkout.folder, text=True)
    tags = first.data.tags
    assert (tags["mlflow.source.git.commit"], tags["mlflow.user"]) == (head.strip(), "Ada Lovelace")
    assert tags["uncommitted_changes"] == "yes", "the number of trees was edited"
    assert f"auc {first.data.metrics['holdout_auc']:.4f}" in tags["mlflow.note.content"]


def test_run_and_champion_lead_to_each_other(deployed: Deployed, client: MlflowClient) -> None:
    first, lost = runs(client, "training")
    champion = client.get_model_version_by_alias(MODEL, "champion")
    assert (champion.version, champion.run_id) == (str(deployed.service.champion()), first.info.run_id)
    assert [one.version for one in client.search_model_versions(f"run_id='{first.info.run_id}'")] == ["1"]
    assert client.search_model_versions(f"run_id='{lost.info.run_id}'") == []
    assert f"auc {first.data.metrics['holdout_auc']:.4f}" in champion.description


def test_the_gates_run_compares_both_models(client: MlflowClient) -> None:
    last = runs(client, "evaluation")[-1]
    metrics, said = last.data.metrics, last.data.tags["mlflow.note.content"]
    assert metrics["challenger_auc"] < metrics["champion_auc"]
    assert f"| auc | {metrics['challenger_auc']:.4f} | {metrics['champion_auc']:.4f} |" in said
    assert last.data.tags["verdict"] == "kept"
    assert last.inputs.dataset_inputs[0].dataset.name == "bike-buyer-customers"
    assert "roc.png" in {file.path for file in client.list_artifacts(last.info.run_id)}


def test_the_link_to_a_run_opens_its_curves(deployed: Deployed, client: MlflowClient) -> None:
    first = runs(client, "training")[0].info
    link = httpx.get(f"{deployed.http}/runs/{first.run_id}", trust_env=False).headers["location"]
    page = f"/#/experiments/{first.experiment_id}/runs/{first.run_id}/model-metrics?workflowType=machine_learning"
    assert link == f"{deployed.http}/mlflow{page}"
    plots = {file.path for file in client.list_artifacts(first.run_id, "plots")}
    assert {"plots/roc.png", "plots/learning_curve.png"} <= plots


def ask(deployed: Deployed, body: Any) -> httpx.Response:
    """What the endpoint answers."""
    trusted = ssl.create_default_context(cafile=str(deployed.service.authority))
    headers = {"authorization": f"Bearer {deployed.service.key}"}
    uri = deployed.checkout.outputs()["scoringUri"]
    return httpx.post(uri, json=body, headers=headers, verify=trusted, trust_env=False, timeout=30)


def test_a_bare_row_is_told_to_be_wrapped(deployed: Deployed) -> None:
    """Through the endpoint: 424, with the server's own status in a header and its error in the body."""
    refused = ask(deployed, deployed.service.rows[0])
    assert (refused.status_code, refused.headers["ms-azureml-model-error-statuscode"]) == (424, "400")
    error = refused.json()["error"]
    assert error["message"].startswith("the body is a row by itself; wrap it in data")
    assert ask(deployed, error["example"]).status_code == 200


def test_an_unknown_category_is_in_the_body_when_asked_for(deployed: Deployed) -> None:
    row = deployed.service.rows[0]
    answer = ask(deployed, {"data": [row, {**row, "Country": "Atlantis"}], "warnings": True})
    assert answer.json()["warnings"] == [{"code": "unknown_category", "row": 1, "field": "Country"}]
    assert "Country" in answer.headers["x-scoring-warning"]
