"""The guard before a vault or workspace, against what Azure answers and the emulator does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from ml.clients import arm as arm_module
from ml.clients.arm import Arm
from ml.clients.cloud import PUBLIC
from ml.identity.values import Properties
from ml.progress import Failure
from ml.resources import soft_delete_guard
from ml.resources.soft_delete_guard import SoftDeleteGuardProvider

GROUP = "/subscriptions/s/resourceGroups/rg-a/providers"
VAULT = f"{GROUP}/Microsoft.KeyVault/vaults/kv-a"
WORKSPACE = f"{GROUP}/Microsoft.MachineLearningServices/workspaces/mlw-a"
DELETED = "/subscriptions/s/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-a"
WORKSPACES = "/subscriptions/s/providers/Microsoft.MachineLearningServices/deletedWorkspaces"
KEPT = {"properties": {"vaultId": VAULT, "scheduledPurgeDate": "2026-12-24", "purgeProtectionEnabled": True}}
Answer = Callable[[], Any]


class Cloud:
    """Answers by method and path; an int is a refusal with that status, and what is not here is not there."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []
        self.noted: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        key = f"{request.method} {request.url.path}"
        self.asked.append(f"{key}?forceToPurge" if "forceToPurge" in request.url.params else key)
        found = self.answers.get(key, 404)
        found = found.pop(0) if isinstance(found, list) else found
        if isinstance(found, int):
            return httpx.Response(found, json={"error": {"code": "Refused", "message": "no"}})
        return httpx.Response(200, json=found)


@pytest.fixture(name="cloud")
def fixture_cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud({})
    client = Arm(PUBLIC)
    client.close()
    client._http = httpx.Client(base_url=PUBLIC.resource_manager, transport=httpx.MockTransport(cloud.answer))
    monkeypatch.setattr(arm_module, "token", lambda scope: "t")
    for module in ("ml.clients.soft_delete", "ml.clients.operations", "ml.resources.soft_delete_guard"):
        monkeypatch.setattr(f"{module}.arm", lambda: client)
    monkeypatch.setattr(soft_delete_guard, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(soft_delete_guard, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(soft_delete_guard, "note", cloud.noted.append)
    return cloud


def guard(resource: str, if_held: str, on_destroy: str = "purge") -> Properties:
    return {
        "resourceId": resource,
        "location": "West Europe",
        "ifHeld": if_held,
        "onDestroy": on_destroy,
        "createMode": "",
    }


def made(inputs: Properties) -> Properties:
    outputs = SoftDeleteGuardProvider().create(inputs).outs
    assert outputs is not None
    return {name: outputs[name] for name in ("createMode", "vanished")}


FREE = {"createMode": "", "vanished": False}


def test_who_may_not_look_at_the_subscription_goes_on_and_is_told(cloud: Cloud) -> None:
    """A right on the resource group makes a vault; only one on the subscription finds a deleted one."""
    cloud.answers[f"GET {DELETED}"] = 403
    assert made(guard(VAULT, "recover")) == FREE
    assert "whether a deleted vault holds the name kv-a is not known" in cloud.noted[0]
    assert cloud.asked == [f"GET {VAULT}", f"GET {DELETED}"]


@pytest.mark.parametrize("if_held", ["purge", "refuse"])
def test_a_subscription_that_lists_no_deleted_workspaces_leaves_the_rest_to_azure(cloud: Cloud, if_held: str) -> None:
    assert made(guard(WORKSPACE, if_held)) == FREE
    asked = f"DELETE {WORKSPACE}?forceToPurge" if if_held == "purge" else f"GET {WORKSPACES}"
    assert cloud.asked == [f"GET {WORKSPACE}", asked]
    assert cloud.noted == []


@pytest.mark.parametrize("listed", [{"name": "mlw-a"}, {"properties": {"workspaceArmId": WORKSPACE}}])
def test_a_deleted_workspace_that_is_listed_is_refused_with_what_to_write(cloud: Cloud, listed: Any) -> None:
    cloud.answers[f"GET {WORKSPACES}"] = {"value": [{"name": "other"}, listed]}
    with pytest.raises(
        Failure, match=r"a deleted workspace holds the name mlw-a, and mlops:softDelete\.workspace is ref"
    ):
        made(guard(WORKSPACE, "refuse"))
    cloud.answers[f"DELETE {WORKSPACE}"] = {}
    assert made(guard(WORKSPACE, "purge")) == FREE
    assert cloud.noted == ["mlw-a was deleted and still held its name: purged"]


def test_a_vault_under_purge_protection_is_not_tried_to_be_purged(cloud: Cloud) -> None:
    cloud.answers[f"GET {DELETED}"] = KEPT
    with pytest.raises(Failure) as caught:
        made(guard(VAULT, "purge"))
    said = str(caught.value)
    assert "holds the name kv-a until 2026-12-24, and mlops:softDelete.vault is purge, but it is protected" in said
    assert "pulumi config set --path mlops:softDelete.vault recover, or pulumi config set mlops:nameSalt" in said
    assert made(guard(VAULT, "recover")) == {"createMode": "recover", "vanished": False}
    assert not [one for one in cloud.asked if one.startswith("POST")]


def test_what_was_deleted_a_moment_ago_is_looked_for_again(cloud: Cloud) -> None:
    cloud.answers |= {f"GET {DELETED}": [404, {"properties": {"vaultId": VAULT}}], f"POST {DELETED}/purge": {}}
    SoftDeleteGuardProvider().delete(VAULT, {**guard(VAULT, "recover"), **FREE})
    assert cloud.noted == ["Purged: kv-a"]


@pytest.mark.parametrize(
    ("answers", "on_destroy", "said"),
    [
        ({f"GET {VAULT}": {}}, "purge", "kv-a is still there: nothing was purged"),
        ({}, "purge", "kv-a holds its name no longer"),
        ({f"GET {DELETED}": KEPT}, "purge", "kv-a keeps its name until 2026-12-24: it is protected from purging."),
        (
            {f"GET {DELETED}": {"properties": {"scheduledPurgeDate": "2026-12-24"}}},
            "keep",
            "kv-a keeps its name until 2026-12-24: mlops:softDelete.onDestroy is keep",
        ),
        (
            {f"GET {DELETED}": {"properties": {}}, f"POST {DELETED}/purge": 403},
            "purge",
            "kv-a keeps its name: POST",
        ),
    ],
    ids=["alive", "gone", "protected", "keep", "forbidden"],
)
def test_what_stays_is_told_and_is_no_error(cloud: Cloud, answers: dict[str, Any], on_destroy: str, said: str) -> None:
    cloud.answers |= answers
    SoftDeleteGuardProvider().delete(VAULT, {**guard(VAULT, "recover", on_destroy), **FREE})
    assert cloud.noted[0].startswith(said)
    assert [one for one in cloud.asked if one.startswith("POST")] == (["POST " + DELETED + "/purge"] * ("POST" in said))


def test_another_stacks_vault_is_left_alone(cloud: Cloud) -> None:
    cloud.answers[f"GET {DELETED}"] = {"properties": {"vaultId": VAULT.replace("rg-a", "rg-other")}}
    for if_held in ("recover", "purge", "refuse"):
        with pytest.raises(Failure, match=r"rg-other/.*/kv-a, which is not this stack's.*mlops:nameSalt"):
            made(guard(VAULT, if_held))
    assert not [one for one in cloud.asked if one.startswith("POST")]


def test_a_refresh_that_misses_what_is_guarded_has_the_next_up_look_again(cloud: Cloud) -> None:
    provider, state = SoftDeleteGuardProvider(), {**guard(VAULT, "recover"), **FREE}
    inputs = guard(VAULT, "recover")
    assert provider.diff(VAULT, state, inputs).changes is False
    seen = provider.read(VAULT, state).outs
    assert seen is not None
    assert seen["vanished"] is True
    assert (provider.diff(VAULT, seen, inputs).changes, provider.diff(VAULT, seen, inputs).replaces) == (True, None)
    cloud.answers[f"GET {DELETED}"] = KEPT
    outputs = provider.update(VAULT, seen, inputs).outs
    assert outputs is not None
    assert (outputs["createMode"], outputs["vanished"]) == ("recover", False)
    cloud.answers[f"GET {VAULT}"] = {}
    settled = provider.read(VAULT, outputs).outs
    assert settled is not None
    assert (settled["createMode"], settled["vanished"]) == ("", False)


def test_another_word_in_the_stack_file_asks_nobody(cloud: Cloud) -> None:
    provider, state = SoftDeleteGuardProvider(), {**guard(VAULT, "recover"), **FREE}
    inputs = guard(VAULT, "purge", "keep")
    assert (provider.diff(VAULT, state, inputs).changes, provider.diff(VAULT, state, inputs).replaces) == (True, [])
    provider.update(VAULT, state, inputs)
    assert cloud.asked == []
    assert provider.diff(VAULT, state, guard(VAULT.replace("kv-a", "kv-b"), "recover")).replaces == ["resourceId"]
