"""Sweep jobs through azure-ai-ml: trials that run, early termination, the best child, and a sweep as a step."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.contract.azureml_sdk import BanditPolicy, Choice, Environment, Input, Output, Uniform, command, dsl
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace, until

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
TRIAL = """
import json, os, pathlib, sys, time, urllib.request
lr, kind, model = float(sys.argv[1]), sys.argv[2], sys.argv[3]

def report(value, step):
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
    body = dict(run_id=os.environ["MLFLOW_RUN_ID"], key="score", value=value, step=step)
    body["timestamp"] = int(time.time() * 1000)
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    urllib.request.urlopen(request).read()

report(lr if kind == "good" else -lr, 1)
pathlib.Path(model).mkdir(parents=True, exist_ok=True)
pathlib.Path(model, "lr.txt").write_text(f"{kind} {lr}")
if kind == "slow":
    time.sleep(60)
"""
COMMAND = "python trial.py ${{inputs.lr}} ${{inputs.kind}} ${{outputs.model}}"


def trial_of(workspace: Workspace, folder: Path) -> Any:
    """A command that reports its score and writes its model."""
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    (folder / "trial.py").write_text(TRIAL)
    return command(
        name=f"trial_{uuid.uuid4().hex[:8]}",
        command=COMMAND,
        code=str(folder),
        environment="plain:1",
        compute="cpu",
        inputs={"lr": 0.0, "kind": "bad"},
        outputs={"model": Output(type="uri_folder")},
    )


def swept(workspace: Workspace, folder: Path, space: dict[str, Any], **options: Any) -> Any:
    """The sweep over that command, not yet submitted."""
    job = trial_of(workspace, folder)(**space).sweep(primary_metric="score", goal="maximize", **options)
    job.name, job.experiment_name = f"sweep-{uuid.uuid4().hex[:8]}", "sweeps"
    return job


def test_grid_tries_all_and_takes_over_the_best(workspace: Workspace, tmp_path: Path) -> None:
    space = {"lr": Choice([0.5, 2.0]), "kind": Choice(["good", "bad"])}
    job = swept(workspace, tmp_path, space, compute="cpu", sampling_algorithm="grid", max_concurrent_trials=2)
    name = workspace.client.jobs.create_or_update(job).name
    assert workspace.end(name).status == "Completed", workspace.details(name)
    found = workspace.client.jobs.get(name)
    children = {one.name: one for one in workspace.client.jobs.list(parent_job_name=name)}
    assert sorted(children) == [f"{name}_{number}" for number in range(4)]
    assert {one.status for one in children.values()} == {"Completed"}
    assert found.properties["best_child_run_id"] == f"{name}_2"
    assert found.properties["score"] == "2.0"
    assert children[f"{name}_2"].tags["hyperparameters"] == '{"lr": 2.0, "kind": "good"}'
    workspace.client.jobs.download(name, download_path=str(tmp_path / "down"), output_name="model")
    assert [one.read_text() for one in (tmp_path / "down").rglob("lr.txt")] == ["good 2.0"]
    assert [one.name for one in workspace.client.jobs.list() if one.name.startswith(name)] == [name]


def test_bandit_ends_what_is_far_behind(workspace: Workspace, tmp_path: Path) -> None:
    space = {"lr": Choice([1.0]), "kind": Choice(["good", "slow"])}
    options = {"compute": "cpu", "sampling_algorithm": "grid", "max_concurrent_trials": 2}
    job = swept(workspace, tmp_path, space, early_termination_policy=BanditPolicy(slack_amount=0.5), **options)
    name = workspace.client.jobs.create_or_update(job).name
    assert workspace.end(name, seconds=50).status == "Completed", workspace.details(name)
    states = {one.name: one.status for one in workspace.client.jobs.list(parent_job_name=name)}
    assert states == {f"{name}_0": "Completed", f"{name}_1": "Canceled"}
    assert workspace.client.jobs.get(name).properties["best_child_run_id"] == f"{name}_0"


def test_canceled_sweep_ends_its_trials(workspace: Workspace, tmp_path: Path) -> None:
    space = {"lr": Uniform(1, 2), "kind": Choice(["slow"])}
    job = swept(workspace, tmp_path, space, compute="cpu", max_total_trials=4, max_concurrent_trials=1)
    name = workspace.client.jobs.create_or_update(job).name
    children = workspace.client.jobs
    until(lambda: [one.status for one in children.list(parent_job_name=name)] == ["Running"])
    workspace.client.jobs.begin_cancel(name).result()
    assert workspace.end(name).status == "Canceled"
    assert [one.status for one in children.list(parent_job_name=name)] == ["Canceled"], "no other was begun"


def test_sweep_as_a_step_hands_on_the_best_model(workspace: Workspace, tmp_path: Path) -> None:
    trial = trial_of(workspace, tmp_path)
    show = command(
        name="show",
        command="cat ${{inputs.model}}/lr.txt > ${{outputs.told}}/told.txt",
        environment="plain:1",
        inputs={"model": Input(type="uri_folder")},
        outputs={"told": Output(type="uri_folder")},
    )

    @dsl.pipeline(default_compute="cpu", experiment_name="sweeps")  # type: ignore[untyped-decorator]
    def tune() -> dict[str, Any]:
        tuned = trial(lr=Uniform(1, 2), kind=Choice(["good"])).sweep(
            primary_metric="score", goal="maximize", sampling_algorithm="bayesian"
        )
        tuned.set_limits(max_total_trials=2, max_concurrent_trials=1, timeout=600)
        return {"told": show(model=tuned.outputs.model).outputs.told}

    name = workspace.client.jobs.create_or_update(tune()).name
    assert workspace.end(name).status == "Completed", workspace.details(name)
    sweep = next(one for one in workspace.client.jobs.list(parent_job_name=name) if one.display_name == "tuned")
    best = float(sweep.properties["score"])
    assert 1 <= best <= 2
    workspace.client.jobs.download(name, download_path=str(tmp_path / "down"), output_name="told")
    assert [one.read_text() for one in (tmp_path / "down").rglob("told.txt")] == [f"good {best}"]


def test_sweep_that_cannot_work_is_refused_at_once(workspace: Workspace, tmp_path: Path) -> None:
    job = swept(workspace, tmp_path, {"lr": Uniform(0, 1)}, compute="cpu", sampling_algorithm="grid")
    with pytest.raises(HttpResponseError, match="grid sampling takes choice"):
        workspace.client.jobs.create_or_update(job)
