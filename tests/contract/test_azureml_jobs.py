"""Command jobs that really run, through the unmodified azure-ai-ml."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest
from azure.core.exceptions import HttpResponseError

from emulator.access import ROLE_ASSIGNMENT, ROLE_DEFINITION
from emulator.roles import BLOB_CONTRIBUTOR
from emulator.settings import SUBSCRIPTION_ID
from tests.contract.azureml_sdk import Command, Data, Environment, Input, ListViewType, Output, command
from tests.contract.azureml_workspace import (
    IGNORED,
    LOCATION,
    Workspace,
    fixture_sockets,
    fixture_workspace,
    until,
    with_cluster,
)

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
TRAIN = """
import os, pathlib, sys
table, out = map(pathlib.Path, sys.argv[1:3])
print("rows", len(table.read_text().splitlines()), flush=True)
(out / "model.txt").write_text("weights")
pathlib.Path("outputs/report.txt").write_text("report")
print(os.environ["AZUREML_RUN_ID"], os.environ["GREETING"])
"""
WRITES = """
import json, os, sys, urllib.error, urllib.request as request
if "IDENTITY_ENDPOINT" not in os.environ:
    sys.exit(print("nobody"))
me, where = os.environ["DEFAULT_IDENTITY_CLIENT_ID"], os.environ["IDENTITY_ENDPOINT"]
asked = f"{where}?api-version=2019-08-01&client_id={me}&resource=https://storage.azure.com"
header = {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}
given = json.load(request.urlopen(request.Request(asked, headers=header)))
print(given["client_id"])
headers = {"x-ms-version": "2023-11-03", "x-ms-blob-type": "BlockBlob"}
headers["authorization"] = "Bearer " + given["access_token"]
for blob in sys.argv[1:]:
    try:
        print(request.urlopen(request.Request(blob, b"x", headers, method="PUT")).status)
    except urllib.error.HTTPError as error:
        print(error.code, error.headers["x-ms-error-code"])
"""


@pytest.fixture(name="plain")
def fixture_plain(workspace: Workspace) -> str:
    """An environment that is an image alone: a plain interpreter."""
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    return "plain:1"


def shell(text: str, environment: str = "plain:1", **options: Any) -> Command:
    """A job without code."""
    job: Command = command(command=text, environment=environment, compute="cpu", experiment_name="jobs", **options)
    job.name = options.get("name") or f"job-{uuid.uuid4().hex[:12]}"
    return job


def test_job_trains_streams_and_leaves_its_outputs(
    workspace: Workspace, plain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, table = tmp_path / "source", tmp_path / "table.csv"
    source.mkdir()
    (source / "train.py").write_text(TRAIN)
    table.write_text("a,b\n1,2\n3,4\n")
    data = workspace.client.data.create_or_update(Data(name="rows", version="1", path=str(table), type="uri_file"))
    job = command(
        code=str(source),
        command="python train.py ${{inputs.table}} ${{outputs.model}} $[[--not ${{inputs.given}}]]",
        environment=plain,
        compute="cpu",
        inputs={"table": Input(type="uri_file", path=data.id)},
        outputs={"model": Output(type="uri_folder", name="trained")},
        environment_variables={"GREETING": "hello"},
        experiment_name="jobs",
        tags={"system": "test"},
    )
    submitted = workspace.client.jobs.create_or_update(job)
    capsys.readouterr()
    workspace.client.jobs.stream(submitted.name)
    printed = capsys.readouterr().out
    assert "Streaming user_logs/std_log.txt" in printed
    assert f"rows 3\n{submitted.name} hello\n" in printed
    ended = workspace.client.jobs.get(submitted.name)
    assert (ended.status, ended.tags["system"], ended.display_name) == ("Completed", "test", submitted.display_name)

    workspace.client.jobs.download(submitted.name, all=True, download_path=tmp_path / "down")
    files = {file.relative_to(tmp_path / "down").as_posix() for file in (tmp_path / "down").rglob("*.txt")}
    assert {
        "artifacts/outputs/report.txt",
        "artifacts/user_logs/std_log.txt",
        "artifacts/azureml-logs/20_image_build_log.txt",
        "named-outputs/model/model.txt",
    } == files
    assert (
        workspace.client.data.get("trained", version="1").path.rstrip("/").endswith(f"azureml/{submitted.name}/model")
    )
    assert submitted.name in [one.name for one in workspace.client.jobs.list()]
    workspace.client.jobs.archive(submitted.name)
    assert submitted.name not in [one.name for one in workspace.client.jobs.list()]
    archived = workspace.client.jobs.list(list_view_type=ListViewType.ARCHIVED_ONLY)
    assert submitted.name in [one.name for one in archived]


def test_packages_of_the_environment_are_there(workspace: Workspace) -> None:
    conda = {"name": "x", "dependencies": ["python=3.11", {"pip": ["colorama==0.4.6"]}]}
    environment = Environment(name="colorama", version="1", image=IMAGE, conda_file=conda)
    workspace.client.environments.create_or_update(environment)
    text = "python -c 'import colorama, socket; print(colorama.__version__, socket.gethostbyname(\"localhost\"))'"
    job = workspace.client.jobs.create_or_update(shell(text, "colorama:1"))
    assert workspace.end(job.name).status == "Completed"
    assert read_log(workspace, job.name).strip() == "0.4.6 127.0.0.1"


def test_programs_of_a_job_are_the_identity_of_their_cluster(workspace: Workspace, plain: str, tmp_path: Path) -> None:
    """They may do what it may, whoever submitted the job; on a cluster that has none they are nobody."""
    containers = f"{workspace.group}/providers/Microsoft.Storage/storageAccounts/{workspace.account}/blobServices"
    own = workspace.put(
        f"{workspace.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/jobs", {"location": LOCATION}
    )
    for name in ("given", "kept"):
        workspace.put(f"{containers}/default/containers/{name}", {"properties": {}})
    role = f"/subscriptions/{SUBSCRIPTION_ID}/providers/{ROLE_DEFINITION}/{BLOB_CONTRIBUTOR}"
    properties = {"roleDefinitionId": role, "principalId": own["properties"]["principalId"]}
    scope = f"{containers}/default/containers/given"
    workspace.put(f"{scope}/providers/{ROLE_ASSIGNMENT}/{uuid.uuid4()}", {"properties": properties})
    with_cluster(workspace, "signed-in", {"type": "UserAssigned", "userAssignedIdentities": {own["id"]: {}}})
    (tmp_path / "writes.py").write_text(WRITES)
    url = f"https://{workspace.account}.blob.{workspace.emulator.settings.storage_suffix()}"
    told = {"command": f"python writes.py {url}/given/a {url}/kept/a", "code": str(tmp_path), "environment": plain}
    jobs = [
        workspace.client.jobs.create_or_update(command(compute=compute, experiment_name="jobs", **told)).name
        for compute in ("signed-in", "cpu")
    ]
    assert [workspace.end(job).status for job in jobs] == ["Completed", "Completed"]
    client = own["properties"]["clientId"]
    assert read_log(workspace, jobs[0]).split() == [client, "201", "403", "AuthorizationPermissionMismatch"]
    assert read_log(workspace, jobs[1]).split() == ["nobody"]
    trained = command(**{**told, "command": "true"}, compute="signed-in", outputs={"model": Output(type="uri_folder")})
    refused = workspace.client.jobs.create_or_update(trained).name
    assert workspace.end(refused).status == "Failed"
    message = workspace.details(refused)["error"]["error"]["message"]
    assert "'model'" in message
    assert "403 AuthorizationPermissionMismatch" in message


def test_failed_job_says_its_last_lines(workspace: Workspace, plain: str) -> None:
    job = workspace.client.jobs.create_or_update(shell("echo before; echo 'ValueError: no rows' >&2; exit 3", plain))
    assert workspace.end(job.name).status == "Failed"
    error = workspace.details(job.name)["error"]["error"]
    assert error["code"] == "UserError"
    assert "exited with status code 3" in error["message"]
    assert error["message"].endswith("before\nValueError: no rows")
    with pytest.raises(HttpResponseError, match="already exists with another 'command'"):
        workspace.client.jobs.create_or_update(shell("true", plain, name=job.name))


def test_missing_input_fails_in_preparation(workspace: Workspace, plain: str) -> None:
    path = "azureml://datastores/workspaceblobstore/paths/nothing/here.csv"
    wanted = shell("cat ${{inputs.table}}", plain, inputs={"table": Input(type="uri_file", path=path)})
    job = workspace.client.jobs.create_or_update(wanted)
    assert workspace.end(job.name).status == "Failed"
    message = workspace.details(job.name)["error"]["error"]["message"]
    assert "Input 'table'" in message
    assert "there is no blob 'nothing/here.csv'" in message
    assert message in read_log(workspace, job.name)


def test_job_needs_a_compute_and_an_environment_that_exist(workspace: Workspace, plain: str) -> None:
    body = {"jobType": "Command", "command": "true", "environmentId": f"{workspace.id}/environments/plain/versions/9"}
    answer = workspace.request("PUT", f"{workspace.id}/jobs/no-environment", json={"properties": body})
    assert (answer.status_code, answer.json()["error"]["target"]) == (400, "environmentId")
    body.update(environmentId=f"{workspace.id}/environments/plain/versions/1", computeId="gpu")
    answer = workspace.request("PUT", f"{workspace.id}/jobs/no-compute", json={"properties": body})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Unknown compute target 'gpu'.")
    body.update(computeId="cpu", jobType="Spark")
    answer = workspace.request("PUT", f"{workspace.id}/jobs/spark", json={"properties": body})
    assert (answer.status_code, "'Spark'" in answer.json()["error"]["message"]) == (501, True)


def test_cancel_ends_the_whole_process_tree(workspace: Workspace, plain: str) -> None:
    marker = f"sleep-{uuid.uuid4().hex}"
    text = (
        f"trap '' TERM; (exec -a {marker} sleep 600) & (setsid bash -c 'exec -a {marker} sleep 600' &) ; echo up; wait"
    )
    job = workspace.client.jobs.create_or_update(shell(text, plain))
    until(lambda: len(processes(marker)) == 2)
    until(lambda: workspace.client.jobs.get(job.name).status == "Running")
    workspace.client.jobs.begin_cancel(job.name).result()
    assert workspace.end(job.name).status == "Canceled"
    assert processes(marker) == []
    assert read_log(workspace, job.name).strip() == "up"


def test_job_that_runs_too_long_is_canceled(workspace: Workspace, plain: str) -> None:
    job = shell("sleep 600", plain)
    job.set_limits(timeout=1)
    submitted = workspace.client.jobs.create_or_update(job)
    assert workspace.end(submitted.name).status == "Canceled"
    assert "longer than PT1S" in workspace.details(submitted.name)["error"]["error"]["message"]


def test_no_more_jobs_run_at_once_than_the_machine_takes(workspace: Workspace, plain: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    text = f"until [ -e {gate} ]; do sleep 0.1; done"
    jobs = [workspace.client.jobs.create_or_update(shell(text, plain)).name for _ in range(3)]

    def states() -> list[str]:
        return sorted(workspace.client.jobs.get(job).status for job in jobs)

    until(lambda: states() == ["Queued", "Running", "Running"])
    nodes = workspace.request("GET", f"{workspace.id}/computes/cpu").json()["properties"]["properties"]
    assert nodes["nodeStateCounts"]["runningNodeCount"] == 2
    gate.touch()
    assert [workspace.end(job).status for job in jobs] == ["Completed"] * 3


def test_description_of_a_job_can_change_and_nothing_else(workspace: Workspace, plain: str) -> None:
    job = shell("true", plain)
    path = f"{workspace.id}/jobs/{job.name}"
    body = {"properties": {"jobType": "Command", "command": "true", "computeId": f"{workspace.id}/computes/cpu"}}
    body["properties"]["environmentId"] = f"{workspace.id}/environments/plain/versions/1"
    assert workspace.request("PUT", path, json=body).status_code == 201
    body["properties"]["tags"] = {"claim": "x"}  # type: ignore[assignment]
    again = workspace.request("PUT", path, json=body)
    assert (again.status_code, again.json()["properties"]["tags"]) == (200, {"claim": "x"})
    body["properties"]["command"] = "false"
    assert workspace.request("PUT", path, json=body).status_code == 409
    assert workspace.end(job.name).status == "Completed"


def test_a_log_needs_its_signature(workspace: Workspace, plain: str) -> None:
    job = workspace.client.jobs.create_or_update(shell("echo secret", plain))
    workspace.end(job.name)
    link = workspace.details(job.name)["logFiles"]["user_logs/std_log.txt"]
    bare = {"authorization": ""}
    assert workspace.http.get(link, headers=bare).text == "secret\n"
    assert workspace.http.get(link[:-4] + "0000", headers=bare).status_code == 403
    assert workspace.http.get(link.replace("se=1", "se=9"), headers=bare).status_code == 403


def read_log(workspace: Workspace, job: str) -> str:
    """What a job printed."""
    return workspace.http.get(workspace.details(job)["logFiles"]["user_logs/std_log.txt"]).text


def processes(marker: str) -> list[int]:
    """Processes whose first argument is a marker."""
    found = psutil.process_iter(["cmdline"])
    return [one.pid for one in found if (one.info["cmdline"] or [""])[0] == marker]
