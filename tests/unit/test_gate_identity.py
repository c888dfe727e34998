"""What makes another gate, another evaluation and another attempt, as far as a preview can say."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from pulumi.output import Unknown

from ml.clients import jobs as jobs_client
from ml.clients.errors import CloudError
from ml.clients.jobs import DAMAGED, Job, Jobs
from ml.clients.workspace import Workspace
from ml.gate.evaluation import UNUSABLE
from ml.identity.code import job_files
from ml.identity.values import Properties
from ml.jobkit.plan import Plan
from ml.resources.quality_gate import QualityGateProvider
from ml.resources.training_job import TrainingJobProvider
from ml.system import find

PLAN = find("bike_buyer").plan("bike_buyer").document()
PLACE = {"subscriptionId": "s", "resourceGroupName": "g", "workspaceName": "w"}
SHARED = {"system": "bike_buyer", "workspace": PLACE, "compute": "cpu", "environment": "tabular", "timeoutMinutes": 30}
DATA = {"dataDigest": "d1", "dataReference": "azureml:customers:d1"}
GATE = {
    **SHARED,
    **DATA,
    "model": "bike-buyer",
    "entry": "ml.jobkit.evaluate",
    "plan": PLAN,
    "job": "bike-buyer-1-1",
    "jobDigest": "1",
    "artefact": "azureml://datastores/workspaceblobstore/paths/x/",
    "floors": {"auc": 0.8},
    "metric": "auc",
    "waitMinutes": 5,
}
TRAINING = {**SHARED, **DATA, "entry": "ml.jobkit.train", "plan": PLAN, "arguments": [], "generation": 0}


@cache
def files_of(entry: str, *, trainer: bool) -> dict[str, str]:
    """The files of a job of the bike buyer."""
    return job_files(Path(), entry, find("bike_buyer").plan("bike_buyer"), trainer=trainer)


def code(root: Path, entry: str, plan: Plan, *, trainer: bool) -> dict[str, str]:
    """Reads the code of a job once for all tests."""
    return files_of(entry, trainer=trainer)


@pytest.fixture(autouse=True)
def _once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads the code of a job once for all tests."""
    for module in ("quality_gate", "training_job"):
        monkeypatch.setattr(f"ml.resources.{module}.job_files", code)
    monkeypatch.setattr("ml.resources.quality_gate.note", lambda _: None)


def gate(**changes: Any) -> Properties:
    """Checked inputs of a gate."""
    found: Properties = QualityGateProvider().check({}, {**GATE, **changes}).inputs
    return found


def replaces(before: Properties, after: Properties) -> list[str]:
    """Why the engine would replace the gate."""
    result = QualityGateProvider().diff("id", before, after)
    assert result.changes == bool(result.replaces)
    return list(result.replaces or [])


@pytest.mark.parametrize("change", [{"jobDigest": "2"}, {"dataDigest": "d2"}])
def test_another_model_or_other_data_is_judged_again(change: Properties) -> None:
    before, after = gate(), gate(**change)
    assert before["evaluationDigest"] != after["evaluationDigest"]
    assert QualityGateProvider().diff("id", before, after).replaces == ["digest"]


@pytest.mark.parametrize(
    "change", [{"floors": {"auc": 0.81}}, {"floors": {}}, {"metric": "accuracy"}, {"margin": 0.002}, {"margin": 0}]
)
def test_another_threshold_is_another_gate_with_the_same_evaluation(change: Properties) -> None:
    before, after = gate(), gate(**change)
    assert before["evaluationDigest"] == after["evaluationDigest"]
    assert QualityGateProvider().diff("id", before, after).replaces == ["digest"]


@pytest.mark.parametrize(
    "change",
    [
        {"waitMinutes": 20},
        {"timeoutMinutes": 60},
        {"compute": "gpu"},
        {"job": "bike-buyer-1-2"},
        {"artefact": "azureml://datastores/workspaceblobstore/paths/y/"},
        {"dataReference": "azureml:customers:other"},
    ],
)
def test_how_long_and_where_is_no_change(change: Properties) -> None:
    assert replaces(gate(), gate(**change)) == []


def test_the_digest_is_known_in_a_preview_of_a_job_that_does_not_exist_yet() -> None:
    assert gate(job=unknown(), artefact=unknown())["digest"] == gate()["digest"]


def test_unknown_data_is_an_unknown_gate() -> None:
    assert isinstance(gate(dataDigest=unknown())["digest"], Unknown)
    assert replaces(gate(), gate(dataDigest=unknown())) == ["digest"]


def test_a_preview_says_what_may_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("ml.resources.quality_gate.note", said.append)
    provider = QualityGateProvider()
    provider.check({}, dict(GATE))
    provider.check(gate(), dict(GATE))
    assert said == []
    provider.check(gate(), {**GATE, "jobDigest": "2"})
    assert said == ["bike_buyer: the gate judges again; what follows changes only if the challenger wins"]


def unknown() -> Unknown:
    """A value that only the deployment will know."""
    return Unknown()  # type: ignore[no-untyped-call]


def trained(monkeypatch: pytest.MonkeyPatch, peek: Callable[..., Job | None]) -> bool:
    """Whether a deployed training job is a change when the cloud says this about it."""
    provider = TrainingJobProvider()
    checked = provider.check({}, dict(TRAINING)).inputs
    monkeypatch.setattr(Jobs, "peek", peek)
    return bool(provider.diff("id", {**checked, "job": "bike-buyer-1-1"}, checked).changes)


@pytest.mark.parametrize(
    ("status", "changes"),
    [("Failed", True), ("Canceled", True), ("NotResponding", True), ("Completed", False), ("Running", False)],
)
def test_a_job_that_failed_is_a_change(monkeypatch: pytest.MonkeyPatch, status: str, changes: bool) -> None:
    job = Job("bike-buyer-1-1", status, "bike_buyer", {}, "", archived=False)
    assert trained(monkeypatch, lambda *_: job) == changes


def test_a_job_whose_files_are_damaged_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("bike-buyer-1-1", "Completed", "bike_buyer", {DAMAGED: "model.onnx"}, "", archived=False)
    assert trained(monkeypatch, lambda *_: job)


@pytest.mark.parametrize("tags", [{UNUSABLE: "true"}, {}])
def test_a_gate_whose_evaluation_became_unusable_judges_again(
    monkeypatch: pytest.MonkeyPatch, tags: dict[str, str]
) -> None:
    job = Job("bike-buyer-gate-1-1", "Completed", "bike_buyer", tags, "", archived=False)
    monkeypatch.setattr(Jobs, "peek", lambda *_: job)
    found = QualityGateProvider().diff("id", {**gate(), "evaluation": job.name}, gate())
    assert (found.changes, found.replaces or []) == (bool(tags), [])


@pytest.mark.parametrize("margin", [-0.1, "wide", True, float("inf")])
def test_a_margin_must_be_a_number_from_0(margin: object) -> None:
    (failure,) = QualityGateProvider().check({}, {**GATE, "margin": margin}).failures
    assert failure.reason == f"the margin is {margin!r}; write by how much a challenger must be better, 0 or more"


def test_a_change_of_the_evaluation_trains_nothing_again() -> None:
    training = set(files_of(TRAINING["entry"], trainer=True))
    assert {"ml/jobkit/evaluation.py", "ml/jobkit/bootstrap.py"} & training == set()
    assert {"ml/jobkit/evaluation.py", "ml/jobkit/bootstrap.py"} <= set(files_of(GATE["entry"], trainer=False))


def test_a_job_nobody_can_ask_about_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not trained(monkeypatch, lambda *_: None)


@pytest.mark.parametrize("error", [CloudError("not here"), ClientAuthenticationError("not signed in")])
def test_a_preview_without_a_cloud_or_without_credentials_knows_nothing(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr(jobs_client, "arm", refuse)
    assert Jobs(Workspace("s", "g", "w")).peek("job") is None


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        ([], "trains again because of: data; 30 minutes of cpu at most"),
        (["Completed"], "takes up its earlier job bike-buyer-{digest}-1 (completed) because of: data"),
        (["Failed", "Running"], "takes up its earlier job bike-buyer-{digest}-2 (running) because of: data"),
        (["Failed"], "trains again because of: data; 30 minutes of cpu at most"),
        ([DAMAGED], "trains again because of: data; 30 minutes of cpu at most"),
    ],
)
def test_an_earlier_job_that_is_taken_up_is_not_said_to_train(
    monkeypatch: pytest.MonkeyPatch, attempts: list[str], said: str
) -> None:
    def peek(self: Jobs, name: str) -> Job | None:
        place = int(name.rpartition("-")[2]) - 1
        if place >= len(attempts):
            return None
        whole = attempts[place] != DAMAGED
        status, tags = (attempts[place], {}) if whole else ("Completed", {DAMAGED: "model.onnx differs"})
        return Job(name, status, "bike_buyer", tags, "", archived=False)

    notes: list[str] = []
    monkeypatch.setattr(Jobs, "peek", peek)
    monkeypatch.setattr("ml.resources.training_job.note", notes.append)
    provider = TrainingJobProvider()
    old = provider.check({}, dict(TRAINING)).inputs
    new = provider.check(old, {**TRAINING, "dataDigest": "d2"}).inputs
    assert notes == [f"bike_buyer {said.format(digest=new['digest'])}"]
