"""`make doctor` of a stack on Azure asks in a process of its own, with a token, over HTTP."""

from __future__ import annotations

import os

import pytest

from emulator.settings import SUBSCRIPTION_ID, TENANT_ID
from policies.resource import Resource
from tests.conftest import RunningEmulator
from tests.contract.test_arm import Arm, vault, vault_body, wait_for
from tools import subscription
from tools.needs import Needs
from tools.stacks import load_stack

SCOPE = f"/subscriptions/{SUBSCRIPTION_ID}"
GROUP, NAME = "doctor-tests", "kv-doctor"
PLACE = {"resourceGroupName": GROUP, "location": "westeurope"}
PLAN = [
    Resource("urn::group", "azure-native:resources:ResourceGroup", PLACE),
    Resource("urn::vault", "azure-native:keyvault:Vault", {**PLACE, "vaultName": NAME}),
]


def findings(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, given: str) -> dict[str, tuple[str, str]]:
    needs = Needs.of("dev", TENANT_ID, "westeurope", given, PLAN)
    monkeypatch.setattr(subscription, "needs_of", lambda stack: needs)
    found = subscription.findings(load_stack("dev"), {**os.environ, **emulator.environment})
    return {one.name.removeprefix("stack dev, "): (one.said, one.fix) for one in found}


def test_a_vault_that_was_deleted_is_found_with_what_to_write_into_the_stacks_file(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm = Arm(emulator)
    arm.send("PUT", f"{SCOPE}/resourceGroups/{GROUP}", {"location": "westeurope"})
    arm.send("PUT", f"{SCOPE}/resourceGroups/{GROUP}/{vault(NAME)}", vault_body())
    wait_for(arm, arm.send("DELETE", f"{SCOPE}/resourceGroups/{GROUP}"))
    found = findings(emulator, monkeypatch, SUBSCRIPTION_ID)
    deleted = f"{SCOPE}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/{NAME}"
    assert arm.send("POST", f"{deleted}/purge").status_code == 200
    arm.client.close()
    assert found["subscription"] == ("Emulator, enabled", "")
    assert found["providers"] == ("registered", "")
    assert found["regions"] == ("westeurope offers every type of the plan", "")
    said, fix = found["deleted"]
    assert said.startswith(f"a deleted vault holds the name {NAME} until ")
    assert said.endswith(", and mlops:softDelete.vault is refuse")
    assert "pulumi config set --path mlops:softDelete.vault recover --stack dev" in fix
    assert findings(emulator, monkeypatch, SUBSCRIPTION_ID)["deleted"][1] == ""


def test_a_subscription_that_is_another_is_the_only_finding(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((name, (said, fix)),) = findings(emulator, monkeypatch, "12345678-0000-0000-0000-000000000000").items()
    assert (name, "az login" in fix) == ("subscription", True)
    assert "12345678-0000-0000-0000-000000000000" in said
