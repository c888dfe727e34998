"""The unmodified azure-ai-ml on online endpoints, and deployments from code and an environment without an image."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError

from tests.contract.azureml_sdk import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    MlException,
    Model,
    OnlineRequestSettings,
    ProbeSettings,
    ValidationException,
)
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = [
    IGNORED,
    pytest.mark.filterwarnings("ignore:Method online_endpoints:Warning"),
]
IMAGE = "mcr.microsoft.com/azureml/minimal-py311-inference"
SCORE = """
import json, os, pathlib

def init():
    global weights
    weights = float((pathlib.Path(os.environ["AZUREML_MODEL_DIR"]) / "model" / "weights.txt").read_text())
    print("loaded", weights, flush=True)

def run(body):
    rows = json.loads(body)["data"]
    if not rows:
        raise ValueError("no rows")
    return {"result": [weights * row for row in rows], "by": os.environ["NAME"]}
"""
QUICK = ProbeSettings(initial_delay=1, period=1, timeout=2, failure_threshold=60)


@pytest.fixture(name="name", scope="module")
def fixture_name(workspace: Workspace) -> Iterator[str]:
    """An endpoint made by the SDK."""
    name = f"sdk-{uuid.uuid4().hex[:6]}"
    endpoint = ManagedOnlineEndpoint(name=name, auth_mode="key", tags={"owner": "sales"}, description="bikes")
    made = workspace.client.online_endpoints.begin_create_or_update(endpoint).result()
    assert (made.provisioning_state, made.tags, made.description) == ("Succeeded", {"owner": "sales"}, "bikes")
    yield name
    workspace.client.online_endpoints.begin_delete(name).result()
    with pytest.raises(HttpResponseError, match="was not found"):
        workspace.client.online_endpoints.get(name)


@pytest.fixture(name="model", scope="module")
def fixture_model(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registered folder."""
    folder = tmp_path_factory.mktemp("registered") / "model"
    folder.mkdir()
    (folder / "weights.txt").write_text("1.5")
    model = Model(name="online", version="1", path=str(folder), type="custom_model")
    return str(workspace.client.models.create_or_update(model).id)


def environment(workspace: Workspace, name: str, *packages: str) -> str:
    """An environment from packages."""
    conda = {"name": "x", "dependencies": ["python=3.11", {"pip": list(packages) or ["colorama==0.4.6"]}]}
    made = Environment(name=name, version="1", image=IMAGE, conda_file=conda)
    return str(workspace.client.environments.create_or_update(made).id)


def deployment(endpoint: str, name: str, code: Path, **options: Any) -> ManagedOnlineDeployment:
    """A deployment from code."""
    (code / "score.py").write_text(options.pop("script", SCORE))
    return ManagedOnlineDeployment(
        name=name,
        endpoint_name=endpoint,
        code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
        instance_type="Standard_DS3_v2",
        instance_count=1,
        environment_variables={"NAME": name},
        readiness_probe=QUICK,
        request_settings=OnlineRequestSettings(max_concurrent_requests_per_instance=8, request_timeout_ms=10000),
        **options,
    )


@pytest.fixture(name="server", scope="module")
def fixture_server(workspace: Workspace) -> str:
    """An environment with Azure's inference server."""
    return environment(workspace, "inference", "azureml-inference-server-http==1.5.1")


def test_code_deployment_from_creation_to_deletion(
    workspace: Workspace, name: str, model: str, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client, request = workspace.client, tmp_path / "request.json"
    request.write_text(json.dumps({"data": [2, 4]}))
    wanted = deployment(name, "blue", tmp_path, model=model, environment=server)
    made = client.online_deployments.begin_create_or_update(wanted).result()
    assert (made.provisioning_state, made.instance_count) == ("Succeeded", 1)
    assert made.request_settings.request_timeout_ms == 10000

    answer = client.online_endpoints.invoke(name, request_file=str(request), deployment_name="blue")
    assert json.loads(answer) == {"result": [3.0, 6.0], "by": "blue"}
    with pytest.raises(ValidationException, match="red not found"):
        client.online_endpoints.invoke(name, request_file=str(request), deployment_name="red")
    endpoint = client.online_endpoints.get(name)
    assert endpoint.traffic == {"blue": 0}
    endpoint.traffic = {"blue": 100}
    assert client.online_endpoints.begin_create_or_update(endpoint).result().traffic == {"blue": 100}
    assert json.loads(client.online_endpoints.invoke(name, request_file=str(request)))["by"] == "blue"

    assert "loaded 1.5" in client.online_deployments.get_logs("blue", name, 100)
    log = client.online_deployments.get_logs("blue", name, 100, container_type="storage-initializer")
    assert "Downloaded model online:1, 1 files" in log
    assert [one.name for one in client.online_deployments.list(name)] == ["blue"]
    assert client.online_deployments.get("blue", name).model.endswith("/models/online/versions/1")

    keys = client.online_endpoints.get_keys(name)
    headers = {"authorization": f"Bearer {keys.secondary_key}"}
    with httpx.Client(verify=workspace.trust, trust_env=False) as plain:
        failed = plain.post(endpoint.scoring_uri, json={"data": []}, headers=headers)
        assert (failed.status_code, failed.headers["ms-azureml-model-error-statuscode"]) == (424, "500")
        assert plain.get(endpoint.openapi_uri, headers=headers).json()["swagger"] == "2.0"
    client.online_endpoints.begin_regenerate_keys(name, key_type="primary").result()
    assert client.online_endpoints.get_keys(name).primary_key != keys.primary_key

    with pytest.raises(HttpResponseError, match=r"has 100 % of the traffic"):
        client.online_deployments.begin_delete("blue", name).result()
    endpoint.traffic = {"blue": 0}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    client.online_deployments.begin_delete("blue", name).result()
    assert [one.name for one in client.online_deployments.list(name)] == []
    capsys.readouterr()


def test_environment_without_the_inference_server(workspace: Workspace, name: str, model: str, tmp_path: Path) -> None:
    wanted = deployment(name, "bare", tmp_path, model=model, environment=environment(workspace, "bare"))
    with pytest.raises(HttpResponseError, match="A required package azureml-inference-server-http is missing"):
        workspace.client.online_deployments.begin_create_or_update(wanted).result()
    assert workspace.client.online_deployments.get("bare", name).provisioning_state == "Failed"


def test_packages_that_cannot_be_installed(workspace: Workspace, name: str, model: str, tmp_path: Path) -> None:
    missing = environment(workspace, "missing", "no-such-package-mlops==0.0.1")
    wanted = deployment(name, "nopackage", tmp_path, model=model, environment=missing)
    with pytest.raises(HttpResponseError, match="no-such-package-mlops") as failure:
        workspace.client.online_deployments.begin_create_or_update(wanted).result()
    assert "ImageBuildFailure" in str(failure.value)


def test_script_that_fails_in_init(workspace: Workspace, name: str, model: str, server: str, tmp_path: Path) -> None:
    script = "def init():\n    raise ValueError('no weights here')\n\ndef run(body):\n    return body\n"
    wanted = deployment(name, "broken", tmp_path, script=script, model=model, environment=server)
    said = r"^\(BadArgument\) User container has crashed or terminated: exit code"
    with pytest.raises(HttpResponseError, match=said):
        workspace.client.online_deployments.begin_create_or_update(wanted).result()
    assert "no weights here" in workspace.client.online_deployments.get_logs("broken", name, 200)


def test_entra_tokens(workspace: Workspace, tmp_path: Path) -> None:
    name = f"entra-{uuid.uuid4().hex[:6]}"
    client, request = workspace.client, tmp_path / "request.json"
    request.write_text("{}")
    client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="aad_token")).result()
    # Let in and found empty. (The SDK's headers are one object for all calls: an earlier call's deployment stays.)
    with pytest.raises(MlException, match=r"positive weight|doesn't exist"):
        client.online_endpoints.invoke(name, request_file=str(request))
    client.online_endpoints.begin_delete(name).result()
