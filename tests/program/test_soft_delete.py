"""The guards before vault and workspace: when they are made, what they are told, what they change behind them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pulumi
import pytest

from tests.program.azure.stacks import main
from tests.program.recorder import Recording, Registered, run, stack_config

GUARD = "pulumi-python:dynamic/ml:SoftDeleteGuard"
VAULT, WORKSPACE = "azure-native:keyvault:Vault", "azure-native:machinelearningservices:Workspace"
GUARDED = {"key-vault-guard": VAULT, "workspace-guard": WORKSPACE}


def one(recording: Recording, kind: str) -> Registered:
    (found,) = recording.of_type(kind)
    return found


def told(recording: Recording) -> dict[str, tuple[str, str]]:
    """What each guard is to do when the name is held, and when the stack is destroyed."""
    return {one.name: (one.inputs["ifHeld"], one.inputs["onDestroy"]) for one in recording.of_type(GUARD)}


@cache
def stack(environment: str) -> Recording:
    return run(main, stack_config("local") | {"environment": environment, "systems": []})


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_guard_comes_before_what_it_guards_and_goes_after_it_and_before_the_group(environment: str) -> None:
    recording = stack(environment)
    group = one(recording, "azure-native:resources:ResourceGroup")
    guards = {guard.name: guard for guard in recording.of_type(GUARD)}
    assert guards.keys() == GUARDED.keys()
    for guard, kind in GUARDED.items():
        guarded = one(recording, kind)
        assert guards[guard].urn in recording.before(guarded)
        assert group.urn in recording.before(guards[guard])
        named = guarded.inputs.get("vaultName") or guarded.inputs["workspaceName"]
        assert guards[guard].inputs["resourceId"].endswith(f"/{named}")
        assert guards[guard].inputs["location"] == guarded.inputs["location"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("dev", {"key-vault-guard": ("recover", "purge"), "workspace-guard": ("purge", "purge")}),
        ("prod", {"key-vault-guard": ("recover", "keep"), "workspace-guard": ("refuse", "keep")}),
    ],
)
def test_production_purges_nothing_by_itself(environment: str, expected: dict[str, tuple[str, str]]) -> None:
    assert told(stack(environment)) == expected


def test_the_stack_file_has_the_last_word() -> None:
    own = {"vault": "refuse", "workspace": "purge", "onDestroy": "purge"}
    recording = run(main, stack_config("local") | {"environment": "prod", "softDelete": own, "systems": []})
    assert told(recording) == {"key-vault-guard": ("refuse", "purge"), "workspace-guard": ("purge", "purge")}


def test_what_was_there_before_the_stack_is_neither_recovered_nor_purged() -> None:
    existing = {"resourceGroup": "rg-team", "workspace": "mlw-team", "storageAccount": "stteam", "keyVault": "kv-team"}
    recording = run(main, stack_config("local") | {"existing": existing, "systems": []})
    assert told(recording) == {"key-vault-guard": ("refuse", "keep"), "workspace-guard": ("refuse", "keep")}


def test_the_vault_of_bootstrap_has_a_guard_too() -> None:
    recording = run(main, stack_config("bootstrap"), stack="bootstrap")
    assert told(recording) == {"keys-guard": ("recover", "keep")}
    assert one(recording, GUARD).urn in recording.before(one(recording, VAULT))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"workspace": "recover"}, ["mlops:softDelete.workspace", '"recover"', "portal alone", "workspace' purge"]),
        (
            {"vault": "delete"},
            ["mlops:softDelete.vault", "'recover', 'purge' or 'refuse'", "softDelete.vault' recover"],
        ),
        ({"ondestroy": "keep"}, ["mlops:softDelete.ondestroy: there is no such setting", "Did you mean onDestroy?"]),
    ],
)
def test_a_word_that_is_not_known_is_explained(given: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        run(main, stack_config("dev") | {"softDelete": given}, stack="dev")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("preview", [True, False])
def test_a_guard_adds_nothing_to_the_vault_where_nothing_is_to_be_recovered(preview: bool) -> None:
    """Else it would be changed by the first `up` after the guard came."""
    recording = run(main, stack_config("local") | {"systems": []}, preview=preview)
    properties = one(recording, VAULT).inputs["properties"]
    assert "createMode" not in properties
    assert properties["enableRbacAuthorization"] is True
