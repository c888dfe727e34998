"""Workspaces, datastores, computes and assets through the unmodified azure-ai-ml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from tests.conftest import RunningEmulator
from tests.contract.azureml_sdk import (
    AccountKeyConfiguration,
    AmlCompute,
    AssetTypes,
    AzureBlobDatastore,
    BuildContext,
    Code,
    Data,
    Environment,
    ListViewType,
    Model,
    command,
)
from tests.contract.azureml_workspace import IGNORED, LOCATION, Workspace, fixture_sockets, fixture_workspace

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"


@pytest.fixture(name="table")
def fixture_table(tmp_path: Path) -> Path:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n1,2\n")
    return file


# -- workspaces


def test_workspace_has_what_clients_look_for(workspace: Workspace) -> None:
    found = workspace.client.workspaces.get(workspace.name)
    assert found.mlflow_tracking_uri == f"{workspace.emulator.settings.http_url}/mlflow/v2.0{workspace.id}"
    assert found.discovery_url.startswith(workspace.emulator.settings.base_url)
    assert found.storage_account.endswith(workspace.account)
    assert [one.name for one in workspace.client.workspaces.list() if one.name == workspace.name] == [workspace.name]


def test_workspace_needs_its_neighbours(workspace: Workspace) -> None:
    body = dict(workspace.request("GET", workspace.id).json())
    body["properties"]["keyVault"] += "-missing"
    answer = workspace.request("PUT", f"{workspace.id}-second", json=body)
    assert answer.status_code == 400
    assert "-missing' does not exist" in answer.json()["error"]["message"]


def test_wrong_token_is_refused(workspace: Workspace) -> None:
    answer = workspace.request("GET", workspace.id, headers={"authorization": "Bearer not.a.token"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert workspace.http.get(f"/history/v1.0{workspace.id}/runs/x", headers={"authorization": ""}).status_code == 401


def test_update_with_an_old_etag_is_refused(workspace: Workspace) -> None:
    path = f"{workspace.id}/datastores/etag"
    place = {"datastoreType": "AzureBlob", "accountName": workspace.account, "containerName": "one"}
    body = {"properties": {**place, "credentials": {"credentialsType": "None"}}}
    first = workspace.request("PUT", path, json=body).headers["etag"]
    assert workspace.request("PUT", path, json=body, headers={"if-match": first}).status_code == 200
    assert workspace.request("PUT", path, json=body, headers={"if-match": first}).status_code == 412
    workspace.delete(path)


@pytest.fixture(name="passing", scope="module")
def fixture_passing(emulator: RunningEmulator) -> Iterator[Workspace]:
    workspace = Workspace(emulator, "passing").create(systemDatastoresAuthMode="identity")
    yield workspace
    workspace.delete(workspace.id, forceToPurge="true")
    workspace.delete(workspace.group)
    workspace.close()


def test_deleted_workspace_keeps_its_name_until_it_is_purged(passing: Workspace) -> None:
    body = passing.request("GET", passing.id).json()
    old = body["properties"]["workspaceId"]
    wanted = {"location": body["location"], "properties": body["properties"]}
    passing.delete(passing.id)
    assert passing.request("GET", passing.id).status_code == 404
    again = passing.request("PUT", passing.id, json=wanted)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "Conflict")
    assert "Soft-deleted" in again.json()["error"]["message"]
    passing.delete(passing.id, forceToPurge="true")
    assert passing.put(passing.id, wanted)["properties"]["workspaceId"] != old


def test_identity_based_datastores_have_no_secrets_and_take_the_callers_token(passing: Workspace, table: Path) -> None:
    default = passing.client.datastores.get_default()
    assert default.name == "workspaceblobstore"
    assert type(default.credentials).__name__ == "NoneCredentialConfiguration"
    answer = passing.request("POST", f"{passing.id}/datastores/workspaceblobstore/listSecrets")
    assert answer.status_code == 400
    made = passing.client.data.create_or_update(Data(name="table", version="1", path=str(table), type="uri_file"))
    assert made.path.endswith("/table.csv")


# -- datastores and computes


def test_own_datastores(workspace: Workspace) -> None:
    datastores = workspace.client.datastores
    names = {"workspaceblobstore", "workspaceartifactstore", "workspacefilestore"}
    assert names <= {one.name for one in datastores.list()}
    default = datastores.get_default(include_secrets=True)
    assert (default.name, default.account_name) == ("workspaceblobstore", workspace.account)
    url = f"https://{workspace.account}.blob.{workspace.emulator.settings.storage_suffix()}/{default.container_name}"
    with ContainerClient.from_container_url(f"{url}?{default.credentials.sas_token}") as container:
        container.upload_blob("from/a/test.txt", b"x", overwrite=True)
        assert [blob.name for blob in container.list_blobs("from/a")] == ["from/a/test.txt"]


def test_secrets_of_a_datastore_are_never_shown(workspace: Workspace) -> None:
    credentials = AccountKeyConfiguration(account_key="a-canary")
    store = AzureBlobDatastore(name="keyed", account_name="other", container_name="c", credentials=credentials)
    assert workspace.client.datastores.create_or_update(store).name == "keyed"
    assert "a-canary" not in workspace.request("GET", f"{workspace.id}/datastores/keyed").text
    assert workspace.request("POST", f"{workspace.id}/datastores/keyed/listSecrets").json()["key"] == "a-canary"
    workspace.client.datastores.delete("keyed")
    with pytest.raises(ResourceNotFoundError):
        workspace.client.datastores.get("keyed")


def test_computes(workspace: Workspace) -> None:
    computes = workspace.client.compute
    made = computes.begin_create_or_update(AmlCompute(name="gone", size="STANDARD_DS3_V2", max_instances=3)).result()
    assert (made.name, made.min_instances, made.max_instances) == ("gone", 0, 3)
    assert {"cpu", "gone"} <= {one.name for one in computes.list()}
    computes.begin_delete("gone").result()
    with pytest.raises(ResourceNotFoundError):
        computes.get("gone")
    with pytest.raises(HttpResponseError, match="above maxNodeCount"):
        computes.begin_create_or_update(AmlCompute(name="odd", size="s", min_instances=3, max_instances=1)).result()


def test_compute_instance_starts_and_stops(workspace: Workspace) -> None:
    path = f"{workspace.id}/computes/instance"
    wanted = {"computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2"}}
    workspace.put(path, {"location": LOCATION, "properties": wanted})
    computes = workspace.client.compute
    assert computes.get("instance").state == "Running"
    computes.begin_stop("instance").result()
    assert computes.get("instance").state == "Stopped"
    computes.begin_start("instance").result()
    assert computes.get("instance").state == "Running"
    workspace.delete(path)


# -- assets


def test_environments(workspace: Workspace) -> None:
    environments = workspace.client.environments
    conda = {"name": "x", "dependencies": ["python=3.11", {"pip": ["colorama==0.4.6"]}]}
    made = environments.create_or_update(Environment(name="packages", version="3", image=IMAGE, conda_file=conda))
    assert (made.image, made.conda_file["dependencies"][1]) == (IMAGE, {"pip": ["colorama==0.4.6"]})
    assert environments.get("packages", label="latest").version == "3"
    again = environments.create_or_update(Environment(name="packages", version="3", image=IMAGE, conda_file=conda))
    assert again.id == made.id
    with pytest.raises(HttpResponseError, match="another 'image'"):
        environments.create_or_update(Environment(name="packages", version="3", image="other", conda_file=conda))
    other = {"dependencies": ["python=3.11", "cudatoolkit=11.3"]}
    with pytest.raises(HttpResponseError, match=r"conda package 'cudatoolkit=11\.3'"):
        environments.create_or_update(Environment(name="cuda", version="1", image=IMAGE, conda_file=other))


def test_environment_from_a_build_context(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    wanted = Environment(name="built", version="1", build=BuildContext(path=str(tmp_path)))
    made = workspace.client.environments.create_or_update(wanted)
    assert made.build.path.startswith(f"https://{workspace.account}.blob.")


def test_data_versions(workspace: Workspace, table: Path) -> None:
    data = workspace.client.data
    first = data.create_or_update(Data(name="table", version="1", path=str(table), type="uri_file", tags={"a": "b"}))
    assert (first.type, first.tags) == ("uri_file", {"a": "b"})
    assert data.create_or_update(Data(name="table", version="1", path=str(table), type="uri_file")).id == first.id
    table.write_text("a,b\n3,4\n")
    with pytest.raises(HttpResponseError, match="Asset paths cannot be updated"):
        data.create_or_update(Data(name="table", version="1", path=str(table), type="uri_file"))
    second = data.create_or_update(Data(name="table", path=str(table), type="uri_file"))
    assert (second.version, data.get("table", label="latest").version) == ("2", "2")
    assert [one.version for one in data.list("table")] == ["2", "1"]
    data.archive("table", "2")
    assert [one.version for one in data.list("table")] == ["1"]
    assert [one.version for one in data.list("table", list_view_type=ListViewType.ARCHIVED_ONLY)] == ["2"]
    data.restore("table", "2")
    assert ("table", "2") in [(one.name, one.latest_version) for one in data.list()]


def test_models(workspace: Workspace, tmp_path: Path) -> None:
    models = workspace.client.models
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"\0weights")
    first = models.create_or_update(Model(name="net", version="1", path=str(folder), type=AssetTypes.CUSTOM_MODEL))
    assert (first.version, first.type) == ("1", "custom_model")
    second = models.create_or_update(Model(name="net", path=str(folder / "model.onnx"), type=AssetTypes.CUSTOM_MODEL))
    assert (second.version, models.get("net", label="latest").version) == ("2", "2")
    assert [one.version for one in models.list("net")] == ["2", "1"]
    models.download("net", "1", download_path=str(tmp_path / "down"))
    assert (tmp_path / "down" / "net" / "model" / "model.onnx").read_bytes() == b"\0weights"
    second.tags = {"champion": "2"}
    assert models.create_or_update(second).tags == {"champion": "2"}
    models.archive("net", "1")
    assert [one.version for one in models.list("net")] == ["2"]


def test_a_version_number_is_never_used_twice(workspace: Workspace, table: Path) -> None:
    for version in ("1", "2"):
        workspace.client.data.create_or_update(Data(name="once", version=version, path=str(table), type="uri_file"))
    workspace.delete(f"{workspace.id}/data/once/versions/2")
    container = workspace.request("GET", f"{workspace.id}/data/once").json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("1", "3")


def test_code_is_uploaded_once_and_each_into_its_own_container(workspace: Workspace, tmp_path: Path) -> None:
    codes = workspace.client._code

    def upload(text: str) -> Any:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text(text)
        return codes.create_or_update(Code(path=str(source)))

    first, again, other = upload("print(1)"), upload("print(1)"), upload("print(2)")
    assert again.id == first.id
    assert other.id != first.id
    assert other.path.split("/")[3] != first.path.split("/")[3]


def test_components(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text("print()")
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    made = command(name="step", version="4", code=str(tmp_path), command="python step.py", environment="plain:1")
    components = workspace.client.components
    assert components.create_or_update(made.component).version == "4"
    assert components.get("step").version == "4"
    assert components.get("step", label="latest").command == "python step.py"
    assert "step" in [one.name for one in components.list()]


def test_lists_come_in_pages(workspace: Workspace) -> None:
    for number in range(5):
        body = {"properties": {"dataType": "uri_folder", "dataUri": "azureml://datastores/workspaceblobstore/paths/x/"}}
        workspace.put(f"{workspace.id}/data/paged/versions/{number}", body)
    seen, query = [], {"$top": "2"}
    path = f"{workspace.id}/data/paged/versions"
    while True:
        page = workspace.request("GET", path, params=query).json()
        seen.append([one["name"] for one in page["value"]])
        if "nextLink" not in page:
            break
        query = dict(pair.split("=") for pair in page["nextLink"].partition("?")[2].split("&"))
    assert seen == [["4", "3"], ["2", "1"], ["0"]]


def test_management_front_end_answers_like_arm(workspace: Workspace) -> None:
    front = workspace.http.get(f"/mferp/managementfrontend{workspace.id}/computes/cpu").json()
    assert front == workspace.request("GET", f"{workspace.id}/computes/cpu").json()


def test_names_are_found_in_any_case(workspace: Workspace) -> None:
    upper = workspace.id.replace("resourceGroups", "resourcegroups").replace(workspace.name, workspace.name.upper())
    assert workspace.request("GET", f"{upper}/COMPUTES/CPU").json()["location"] == LOCATION
