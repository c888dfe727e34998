"""Environments of jobs: curated ones, conda files, and what a job installs itself."""

from __future__ import annotations

import sys
import uuid
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from emulator.interpreters import installed
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


def test_curated_environment_can_be_asked_for(workspace: Workspace) -> None:
    found = workspace.client.environments.get("AzureML-sklearn-1.5", label="latest")
    assert "scikit-learn==1.5.2" in found.conda_file["dependencies"][1]["pip"]
    assert workspace.client.environments.get("AzureML-sklearn-1.5", version=found.version).id == found.id
    job = workspace.client.jobs.create_or_update(shell("true", found.id))
    workspace.client.jobs.begin_cancel(job.name).result()
    with pytest.raises(ResourceNotFoundError):
        workspace.client.environments.get("AzureML-none", version="1")


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
    assert sys.version_info >= (3, 12) or any(line.startswith("setuptools==") for line in first)
    assert run(workspace, look, "plain:1") == "False"


def conda_environment(name: str, dependencies: list[Any]) -> Environment:
    """An environment with a conda file."""
    return Environment(name=name, version="1", image=IMAGE, conda_file={"name": name, "dependencies": dependencies})


def test_conda_packages_come_from_pip(workspace: Workspace) -> None:
    workspace.client.environments.create_or_update(conda_environment("conda", ["python", "six=1.16"]))
    assert run(workspace, "python -c 'import six; print(six.__version__)'", "conda:1") == "1.16.0"


def test_another_python_runs_where_it_is_installed(workspace: Workspace) -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    others = [series for series in installed() if series != own and int(series.partition(".")[2]) >= 8]
    if not others:
        pytest.skip("there is one Python on this machine")
    workspace.client.environments.create_or_update(conda_environment("other", [f"python={others[0]}", "pip"]))
    text = "python -c 'import sys; print(sys.version_info[1])' && python -m pip --version > /dev/null"
    assert f"3.{run(workspace, text, 'other:1')}" == others[0]


def test_what_cannot_be_installed_is_refused_by_name(workspace: Workspace) -> None:
    for name, wanted, says in (
        ("gpu", "cudatoolkit=11.3", "the conda package 'cudatoolkit=11.3' has no known counterpart"),
        ("old", "python=3.99", r"no Python 3\.99 \(there are .*3\.1"),
    ):
        with pytest.raises(HttpResponseError, match=says):
            workspace.client.environments.create_or_update(conda_environment(name, [wanted]))


def test_missing_module_of_an_image_alone_says_that_images_are_not_pulled(workspace: Workspace) -> None:
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    job = workspace.client.jobs.create_or_update(shell("python -c 'import no_such_module'", "plain:1"))
    assert workspace.end(job.name).status == "Failed"
    message = workspace.details(job.name)["error"]["error"]["message"]
    assert f"Images of jobs are not pulled: in place of '{IMAGE}'" in message
