"""What serves now: shares of the traffic with rejections, and which evaluation the gate stands on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from ml.clients.arm import Arm
from ml.clients.endpoints import OnlineDeployment, OnlineEndpoint
from ml.clients.errors import CloudError
from ml.clients.jobs import Job
from ml.clients.models import ModelRecord
from ml.clients.workspace import Workspace
from tools.deployed_system import DeployedSystem
from tools.live import Endpoint, Readings, Share, last_evaluation, recent_jobs, to_shares
from tools.stacks import Stack

DIGEST = "sha256:" + "a" * 64


def deployment(name: str, version: str, image: str = "registry/x@" + DIGEST) -> OnlineDeployment:
    return OnlineDeployment(name, "Succeeded", image, "env", 1, {"version": version} if version else {})


def record(version: int, **more: Any) -> ModelRecord:
    return ModelRecord(version, **{"tags": {}, "properties": {}, "uri": "u", "archived": False, **more})


def job(name: str, created: str, *, archived: bool = False, kind: str = "evaluation") -> Job:
    return Job(name, "Completed", "bike_buyer", {"kind": kind}, "", archived, created)


def test_each_deployment_has_its_share_and_the_reason_its_image_was_rejected_for() -> None:
    endpoint = OnlineEndpoint("oep", "", "", "Key", "Succeeded", {"v3-b": 100}, {})
    found = Endpoint(endpoint, [deployment("v2-a", "2"), deployment("v3-b", "3"), deployment("by-hand", "")])
    tags = {"rejected": DIGEST, "rejected-reason": "slow"}
    assert to_shares(found, [record(2, tags=tags), record(3)]) == [
        Share(2, "v2-a", 0, "slow"),
        Share(3, "v3-b", 100),
        Share(None, "by-hand", 0),
    ]


def test_a_version_rejected_in_another_image_is_not_rejected_here() -> None:
    tags = {"rejected": "sha256:" + "b" * 64, "rejected-reason": "slow"}
    found = Endpoint(None, [deployment("v2-a", "2")])
    assert to_shares(found, [record(2, tags=tags)]) == [Share(2, "v2-a", 0)]
    without_a_word = {"rejected": DIGEST}
    assert to_shares(found, [record(2, tags=without_a_word)])[0].rejected == "no reason given"


def test_the_gate_stands_on_the_evaluation_that_is_not_archived() -> None:
    newer, older = job("x-gate-2", "2026-01-02", archived=True), job("x-gate-1", "2026-01-01")
    training = job("x-3", "2026-01-03", kind="training")
    assert last_evaluation([training, newer, older]) == older
    assert last_evaluation([training, newer]) == newer
    assert last_evaluation([training]) is None


def test_jobs_are_read_only_as_far_back_as_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    newer, older = job("x-gate-2", "2", archived=True), job("x-gate-1", "1")
    pages = [
        [job("other", "5", kind="training")],
        [job("x-3", "3", kind="training"), newer],
        [older],
        [job("x-0", "0")],
    ]

    def document(one: Job) -> dict[str, Any]:
        experiment = "other" if one.name == "other" else "bike_buyer"
        about = {"status": one.status, "experimentName": experiment, "tags": one.tags, "isArchived": one.archived}
        return {"name": one.name, "properties": about}

    def listed(self: Arm, path: str, version: str, **query: str) -> Iterator[list[dict[str, Any]]]:
        for number, page in enumerate(pages):
            read.append(number)
            yield [document(one) for one in page]

    monkeypatch.setattr(Arm, "pages", listed)
    system = DeployedSystem(Stack("dev", "azure", Path("x")), "bike_buyer", Workspace("s", "g", "w"), "m", None)
    found = recent_jobs(system)
    assert ([one.name for one in found], read) == (["x-3", "x-gate-2", "x-gate-1"], [0, 1, 2])
    found_evaluation = last_evaluation(found)
    assert found_evaluation is not None
    assert found_evaluation.name == "x-gate-1"


def test_figures_that_somebody_changed_are_none() -> None:
    assert record(1, properties={"metrics": '{"auc":0.9}'}).figures == {"auc": 0.9}
    for given in ("[]", "no JSON"):
        assert record(1, properties={"metrics": given}).figures == {}


def test_what_cannot_be_read_is_a_problem_and_the_rest_is_read_in_the_same_manner() -> None:
    setting: ContextVar[str] = ContextVar("setting", default="none")

    def refuse() -> int:
        raise CloudError("403 no role", status=403)

    with ThreadPoolExecutor(2) as pool:
        reading = Readings(pool)
        setting.set("short")
        refused, asked = reading.begin(refuse), reading.begin(setting.get)
        assert (reading.known(refused, 7), reading.known(asked, "")) == (7, "short")
    assert reading.problems == ["403 no role"]
