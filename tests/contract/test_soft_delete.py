"""The guard before vaults and workspaces against the emulator, whose deleted vaults and workspaces hold their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.settings import SUBSCRIPTION_ID, TENANT_ID
from ml.clients.arm import arm
from ml.clients.errors import CloudError
from ml.clients.secrets import VAULT_VERSION
from ml.clients.soft_delete import holder
from ml.identity.values import Properties
from ml.progress import Failure
from ml.resources import soft_delete_guard
from ml.resources.soft_delete_guard import SoftDeleteGuardProvider
from tests.conftest import RunningEmulator
from tests.contract.azureml_workspace import Workspace

GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/soft-delete-tests"
GROUP_VERSION = "2024-03-01"


@pytest.fixture(scope="module", autouse=True)
def group(emulator: RunningEmulator) -> Iterator[None]:
    arm().put(GROUP, GROUP_VERSION, {"location": "westeurope"})
    yield
    arm().delete(GROUP, GROUP_VERSION)


@pytest.fixture(name="noted")
def fixture_noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(soft_delete_guard, "note", said.append)
    monkeypatch.setattr(soft_delete_guard, "PAUSE_SECONDS", 0.0)
    return said


def vault(name: str) -> str:
    return f"{GROUP}/providers/Microsoft.KeyVault/vaults/{name}"


def make(name: str, **properties: Any) -> None:
    base = {"tenantId": TENANT_ID, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}
    body = {"location": "westeurope", "properties": {**base, **properties}}
    arm().put(vault(name), VAULT_VERSION, body)


def deleted(name: str, **properties: Any) -> str:
    """A vault that was deleted; its id."""
    make(name, **properties)
    arm().delete(vault(name), VAULT_VERSION)
    return vault(name)


def guard(resource: str, if_held: str, on_destroy: str = "purge") -> Properties:
    words = {"ifHeld": if_held, "onDestroy": on_destroy}
    return {"resourceId": resource, "location": "West Europe", "createMode": "", **words}


def made(inputs: Properties) -> Properties:
    outputs = SoftDeleteGuardProvider().create(inputs).outs
    assert outputs is not None
    return dict(outputs)


def held(resource: str) -> bool:
    return holder(arm(), resource, "westeurope") is not None


def test_a_deleted_vault_is_taken_up_as_it_was(noted: list[str]) -> None:
    name = "kv-guard-recover"
    deleted(name, enablePurgeProtection=True, softDeleteRetentionInDays=7)
    mode = made(guard(vault(name), "recover"))["createMode"]
    assert mode == "recover"
    assert "is recovered with its secrets, as it was then" in noted[0]
    make(name, createMode=mode)
    found = arm().get(vault(name), VAULT_VERSION)
    assert found is not None
    assert found["properties"]["softDeleteRetentionInDays"] == 7
    assert made(guard(vault(name), "recover"))["createMode"] == ""


def test_a_deleted_vault_is_purged_or_in_the_way_as_the_stack_says(noted: list[str]) -> None:
    resource = deleted("kv-guard-create")
    with pytest.raises(Failure, match=r"softDelete\.vault is refuse\. Write: .* recover, or .* purge, or .*nameSalt"):
        made(guard(resource, "refuse"))
    assert held(resource)
    assert made(guard(resource, "purge"))["createMode"] == ""
    assert not held(resource)
    assert noted == ["kv-guard-create was deleted and still held its name: purged"]
    make("kv-guard-create")


def test_the_vault_of_another_group_is_nobodys_to_purge() -> None:
    deleted("kv-guard-other")
    other = vault("kv-guard-other").replace("soft-delete-tests", "soft-delete-others")
    with pytest.raises(Failure, match="which is not this stack's"):
        made(guard(other, "purge"))
    assert held(vault("kv-guard-other"))


def test_the_end_purges_what_is_gone_and_tells_what_stays(noted: list[str]) -> None:
    provider = SoftDeleteGuardProvider()
    make("kv-guard-alive")
    free, kept, protected = (
        deleted("kv-guard-free"),
        deleted("kv-guard-kept"),
        deleted("kv-guard-protected", enablePurgeProtection=True),
    )
    provider.delete(free, guard(free, "recover"))
    provider.delete(free, guard(free, "recover"))
    provider.delete(kept, guard(kept, "recover", "keep"))
    provider.delete(protected, guard(protected, "recover"))
    provider.delete(vault("kv-guard-alive"), guard(vault("kv-guard-alive"), "recover"))
    assert [held(one) for one in (free, kept, protected)] == [False, True, True]
    assert arm().get(vault("kv-guard-alive"), VAULT_VERSION) is not None
    words = ("Purged: kv", "holds its name no longer", "onDestroy is keep", "protected from purging", "still there")
    assert [word in said for word, said in zip(words, noted, strict=True)] == [True] * 5


@pytest.fixture(name="workspace", scope="module")
def fixture_workspace(emulator: RunningEmulator) -> Iterator[Workspace]:
    workspace = Workspace(emulator, "guarded").create()
    yield workspace
    workspace.delete(workspace.id, forceToPurge="true")
    workspace.delete(workspace.group)
    workspace.close()


def test_a_workspaces_name_is_free_at_the_end_and_before_the_next_one(workspace: Workspace, noted: list[str]) -> None:
    body = workspace.request("GET", workspace.id).json()
    wanted = {"location": body["location"], "properties": body["properties"]}
    provider, inputs = SoftDeleteGuardProvider(), guard(workspace.id, "purge")
    provider.delete(workspace.id, inputs)
    made(inputs)
    assert (
        workspace.request("GET", workspace.id).json()["properties"]["workspaceId"] == body["properties"]["workspaceId"]
    )
    assert noted == ["guarded is still there: nothing was purged"]
    workspace.delete(workspace.id)
    provider.delete(workspace.id, inputs)
    workspace.put(workspace.id, wanted)
    workspace.delete(workspace.id)
    assert made(guard(workspace.id, "refuse"))["createMode"] == ""
    with pytest.raises(CloudError, match="Soft-deleted workspace"):
        arm().put(workspace.id, "2024-10-01", wanted)
    made(inputs)
    workspace.put(workspace.id, wanted)
