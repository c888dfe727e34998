"""What was deleted behind a stack's back: who is asked for, and what is refreshed when something is gone."""

from __future__ import annotations

from typing import Any

import pytest

from ml.clients.errors import CloudError
from tools import vanished
from tools.vanished import notice_vanished

WORKSPACE = "azure-native:machinelearningservices:Workspace"
ENDPOINT = "azure-native:machinelearningservices:OnlineEndpoint"
GUARD = "pulumi-python:dynamic/ml:SoftDeleteGuard"
ROLLOUT = "pulumi-python:dynamic/ml:Rollout"


def resource(kind: str, name: str, *dependencies: str, **more: Any) -> dict[str, Any]:
    urns = [f"urn:pulumi:local::mlops::{one}" for one in dependencies]
    return {"urn": f"urn:pulumi:local::mlops::{kind}::{name}", "type": kind, "dependencies": urns, **more}


RESOURCES = [
    resource("mlops:Scoring", "a"),
    resource(GUARD, "workspace-guard", id="/workspaces/W"),
    resource(GUARD, "vault-guard", id="/vaults/v"),
    resource(WORKSPACE, "workspace", f"{GUARD}::workspace-guard", id="/workspaces/w"),
    resource(ENDPOINT, "a-endpoint", f"{WORKSPACE}::workspace", id="/workspaces/w/onlineEndpoints/a"),
    resource(ROLLOUT, "a-rollout", f"{ENDPOINT}::a-endpoint", id="a@a"),
    resource(ENDPOINT, "b-endpoint", f"{WORKSPACE}::workspace", id="/workspaces/w/onlineEndpoints/b"),
    resource(ROLLOUT, "b-rollout", f"{ENDPOINT}::b-endpoint", id="b@b"),
    resource("azure-native:unheard:Of", "other", id="/unheard/of"),
]


class FakeArm:
    """Knows what is there; a cloud that does not answer knows nothing."""

    def __init__(self, there: set[str] | None) -> None:
        self.there = there
        self.asked: list[str] = []

    def peek(self, path: str, version: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if self.there is None:
            raise CloudError("nobody answers")
        return {} if path in self.there else None


class FakePulumi:
    """A stack in the middle of its life."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []

    def resources(self) -> list[dict[str, Any]]:
        return RESOURCES

    def read(self, *words: str) -> str:
        self.ran.append(words)
        return ""


def noticed(monkeypatch: pytest.MonkeyPatch, there: set[str] | None) -> tuple[list[str], list[str], FakeArm]:
    """What is said, which resources are refreshed, and who was asked."""
    arm, pulumi, said = FakeArm(there), FakePulumi(), list[str]()
    monkeypatch.setattr("ml.clients.arm.arm", lambda: arm)
    notice_vanished(pulumi, said.append)  # type: ignore[arg-type]
    words = [word for ran in pulumi.ran for word in ran]
    return said, [word.rpartition("::")[2] for word in words if word.startswith("urn:")], arm


ALL = {"/workspaces/w", "/workspaces/w/onlineEndpoints/a", "/workspaces/w/onlineEndpoints/b"}


@pytest.mark.parametrize("there", [ALL, None], ids=["all is there", "nobody answers"])
def test_without_a_loss_nothing_is_refreshed(monkeypatch: pytest.MonkeyPatch, there: set[str] | None) -> None:
    said, refreshed, arm = noticed(monkeypatch, there)
    assert (said, refreshed) == ([], [])
    assert set(arm.asked) == ALL


def test_an_endpoint_that_is_gone_is_refreshed_with_its_rollout_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    said, refreshed, _ = noticed(monkeypatch, ALL - {"/workspaces/w/onlineEndpoints/a"})
    assert said == [f"Deleted by another hand: {ENDPOINT} a-endpoint. It is made again."]
    assert refreshed == ["a-endpoint", "a-rollout"]


def test_the_guard_before_what_is_gone_is_refreshed_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    _, refreshed, arm = noticed(monkeypatch, ALL - {"/workspaces/w"})
    assert refreshed[0] == "workspace"
    assert refreshed[-1] == "workspace-guard"
    assert "vault-guard" not in refreshed
    assert set(arm.asked) == ALL


def test_what_depends_on_what_depends_on_it_is_refreshed_too() -> None:
    urns = vanished.with_dependents(RESOURCES, [RESOURCES[3]])
    assert [urn.rpartition("::")[2] for urn in urns] == [
        "workspace",
        "a-endpoint",
        "a-rollout",
        "b-endpoint",
        "b-rollout",
    ]
