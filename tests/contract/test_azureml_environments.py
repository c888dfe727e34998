"""Environments of jobs: curated ones, conda files, and what a job installs itself."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.contract.azureml_sdk import Command, Environment, command
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
CURATED = "azureml://registries/azureml/environments/{}/labels/latest"


def shell(text: str, environment: Any) -> Command:
    """A job without code."""
    job: Command = command(command=text, environment=environment, compute="cpu", experiment_name="environments")
    job.name = f"job-{uuid.uuid4().hex[:12]}"
    return job


def run(workspace: Workspace, text: str, environment: Any) -> str:
    """What a job printed, once it has completed."""
    job = workspace.client.jobs.create_or_update(shell(text, environment))
    ended = workspace.end(job.name)
    details = workspace.details(job.name)
    assert ended.status == "Completed", details.get("error")
    return workspace.http.get(details["logFiles"]["user_logs/std_log.txt"]).text.strip()


def test_curated_environment_holds_its_packages(workspace: Workspace) -> None:
    text = "python -c 'import mlflow, pandas, sklearn; print(sklearn.__version__)'"
    assert run(workspace, text, CURATED.format("sklearn-1.5")) == "1.5.2"


@pytest.mark.parametrize("name", ["azureml:AzureML-sklearn-0.24@latest", CURATED.format("acpt-pytorch-2.8-cuda12.6")])
def test_unknown_curated_environment_is_refused_with_the_list(workspace: Workspace, name: str) -> None:
    with pytest.raises(HttpResponseError, match=r"cannot be had here.*sklearn-1\.5, lightgbm-3\.3, tensorflow-2\.16"):
        workspace.client.jobs.create_or_update(shell("true", name))


def test_pipeline_with_an_unknown_curated_environment_is_refused_at_once(workspace: Workspace) -> None:
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    component = workspace.client.components.create_or_update(shell("true", "plain:1").component)
    step = {"type": "command", "componentId": component.id, "environment": "azureml:AzureML-none@latest"}
    body = {"jobType": "Pipeline", "jobs": {"one": step}, "settings": {"default_compute": "cpu"}}
    answer = workspace.request("PUT", f"{workspace.id}/jobs/refused", json={"properties": body})
    assert answer.status_code == 400, answer.text
    assert "Step 'one': 'azureml:AzureML-none@latest' is a curated" in answer.json()["error"]["message"]


def test_pip_in_a_job_installs_into_that_job_alone(workspace: Workspace) -> None:
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    look = "python -c 'import importlib.util as u; print(bool(u.find_spec(\"pyjokes\")))'"
    text = f"pip install -q pyjokes==0.8.3 && {look} && command -v pip pyjokes && python -m pip list --format=freeze"
    first = run(workspace, text, "plain:1").splitlines()
    assert first[0] == "True"
    assert all(
        line.endswith(f"/environment/bin/{name}") for name, line in zip(("pip", "pyjokes"), first[1:3], strict=True)
    )
    assert "pyjokes==0.8.3" in first
    assert run(workspace, look, "plain:1") == "False"
