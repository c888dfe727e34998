"""One question who may do what: by role assignments and definitions, at the resource or above it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from emulator.access import (
    PULL_IMAGE,
    ROLE_ASSIGNMENT,
    ROLE_DEFINITION,
    SEND_TELEMETRY,
    SUBSCRIPTION,
    Access,
    arm_action,
)
from emulator.entra.directory import DEPLOYERS, DEVELOPER, PIPELINE
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.roles import ACR_PULL, BUILT_IN, CONTRIBUTOR, KEY_VAULT_ADMINISTRATOR, matches
from emulator.store import Document, Store
from infra.role_assignments import Role

GROUP = f"{SUBSCRIPTION}/resourceGroups/g"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/images"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/v"
GET_SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
SCIENTIST = Role.AZUREML_DATA_SCIENTIST.value
WORKSPACES = "Microsoft.MachineLearningServices/workspaces"


@pytest.fixture(name="store")
def fixture_store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite")


def assign(store: Store, scope: str, role: str, principal: str) -> str:
    properties = {"roleDefinitionId": f"/providers/x/roleDefinitions/{role}", "principalId": principal}
    return store.put(Document(f"{scope}/providers/{ROLE_ASSIGNMENT}/{role}", {"properties": properties})).id


def define(store: Store, name: str, **permission: Any) -> None:
    store.put(
        Document(f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{name}", {"properties": {"permissions": [permission]}})
    )


@pytest.mark.parametrize(
    ("scope", "role", "allowed"),
    [
        (REGISTRY, ACR_PULL, True),
        (GROUP, ACR_PULL.upper(), True),
        (f"{GROUP}2", ACR_PULL, False),
        (REGISTRY + "2", ACR_PULL, False),
        (REGISTRY, "another-role", False),
    ],
)
def test_a_role_counts_at_the_resource_and_above_it(store: Store, scope: str, role: str, allowed: bool) -> None:
    assign(store, scope, role, "Scorer")
    assert Access(store).allows("scorer", PULL_IMAGE, REGISTRY) is allowed
    assert not Access(store).allows("somebody-else", PULL_IMAGE, REGISTRY)
    assert not Access(store).allows("scorer", SEND_TELEMETRY, REGISTRY)


def test_an_assignment_counts_until_it_goes(store: Store) -> None:
    access = Access(store)
    assert not access.allows("scorer", PULL_IMAGE, REGISTRY)
    made = assign(store, REGISTRY, ACR_PULL, "scorer")
    assert access.allows("scorer", PULL_IMAGE, REGISTRY)
    store.delete(made)
    assert not access.allows("scorer", PULL_IMAGE, REGISTRY)


def test_one_that_is_rolled_back_never_counted(store: Store) -> None:
    access = Access(store)
    with suppress(KeyError), store.transaction():
        assign(store, REGISTRY, ACR_PULL, "scorer")
        assert access.allows("scorer", PULL_IMAGE, REGISTRY)
        raise KeyError
    assert not access.allows("scorer", PULL_IMAGE, REGISTRY)


def test_a_new_assignment_counts_only_after_the_delay(store: Store) -> None:
    access = Access(store, delay=0.3)
    assign(store, REGISTRY, ACR_PULL, "scorer")
    assert not access.allows("scorer", PULL_IMAGE, REGISTRY)
    time.sleep(0.35)
    assert access.allows("scorer", PULL_IMAGE, REGISTRY)


def test_owner_and_contributor_have_no_right_to_data(store: Store) -> None:
    access = Access(store)
    assign(store, GROUP, CONTRIBUTOR, "platform")
    for somebody in (DEVELOPER.object_id, "platform"):
        assert access.allows(somebody, "Microsoft.KeyVault/vaults/write", VAULT)
        assert not access.allows_data(somebody, GET_SECRET, VAULT)
    assign(store, VAULT, KEY_VAULT_ADMINISTRATOR, "platform")
    assert access.allows_data("platform", GET_SECRET, f"{VAULT}/secrets/key")


def test_contributor_gives_no_roles(store: Store) -> None:
    assign(store, GROUP, CONTRIBUTOR, "platform")
    write = "Microsoft.Authorization/roleAssignments/write"
    assert not Access(store).allows("platform", write, GROUP)
    assert Access(store).allows(DEVELOPER.object_id, write, GROUP)


def test_what_one_role_leaves_out_another_grants(store: Store) -> None:
    access = Access(store)
    assign(store, GROUP, SCIENTIST, "scientist")
    assert access.allows("scientist", f"{WORKSPACES}/jobs/write", GROUP)
    assert not access.allows("scientist", f"{WORKSPACES}/computes/write", GROUP)
    define(store, "machines", actions=[f"{WORKSPACES}/computes/*"])
    assign(store, GROUP, "machines", "scientist")
    assert access.allows("scientist", f"{WORKSPACES}/computes/write", GROUP)
    assert not access.allows("scientist", f"{WORKSPACES}/delete", GROUP)


def test_a_group_s_roles_are_its_members(store: Store) -> None:
    assign(store, VAULT, KEY_VAULT_ADMINISTRATOR, DEPLOYERS)
    for member in (DEVELOPER, PIPELINE):
        assert Access(store).allows_data(member.object_id, GET_SECRET, VAULT)
    assert not Access(store).allows(PIPELINE.object_id, "Microsoft.KeyVault/vaults/write", VAULT)
    assert not Access(store).allows_data("somebody", GET_SECRET, VAULT)


@pytest.mark.parametrize(
    ("pattern", "action", "same"),
    [
        ("*", "Microsoft.X/y/read", True),
        ("*/read", "microsoft.x/y/z/READ", True),
        ("Microsoft.X/*/read", "Microsoft.X/read", True),
        ("Microsoft.X/y/*/write", "Microsoft.X/y/write", True),
        ("Microsoft.X/y/*", "Microsoft.X/yz/read", False),
        ("Microsoft.X/y/read", "MicrosoftaX/y/read", False),
    ],
)
def test_a_star_stands_for_any_text(pattern: str, action: str, same: bool) -> None:
    assert matches([pattern], action) is same


SHORTER = {
    Role.ACR_DATA_IMPORTER: "Container Registry Data Importer and Data Reader",
    Role.RBAC_ADMINISTRATOR: "Role Based Access Control Administrator",
    Role.AKS_CLUSTER_USER: "Azure Kubernetes Service Cluster User Role",
    Role.DEVICE_PROVISIONING_DATA_CONTRIBUTOR: "Device Provisioning Service Data Contributor",
    Role.ENTERPRISE_NETWORK_CONNECTION_APPROVER: "Azure AI Enterprise Network Connection Approver",
}
"""Azure's names of roles that the program calls something shorter."""


@pytest.mark.parametrize("role", Role, ids=lambda role: role.slug)
def test_every_role_of_the_program_has_the_id_of_azure_s_role_of_that_name(role: Role) -> None:
    known = BUILT_IN[role.value]
    assert known.name.replace(" ", "").lower() == SHORTER.get(role, role.name).replace("_", "").replace(" ", "").lower()
    assert any(one.actions or one.data_actions for one in known.permissions)


def test_a_refusal_names_client_action_and_scope_as_arm_does(store: Store) -> None:
    with pytest.raises(ServiceError) as refused:
        Access(store).require(Principal("somebody", "client", ""), PULL_IMAGE, REGISTRY)
    assert (refused.value.status, refused.value.code) == (403, "AuthorizationFailed")
    for words in ("'client'", "object id 'somebody'", f"action '{PULL_IMAGE}'", f"scope '{REGISTRY}'"):
        assert words in refused.value.message


def test_actions_of_resource_manager() -> None:
    assert arm_action("GET", "Microsoft.X/y", "") == "Microsoft.X/y/read"
    assert arm_action("DELETE", "Microsoft.X/y", "") == "Microsoft.X/y/delete"
    assert arm_action("POST", "Microsoft.X/y", "listKeys") == "Microsoft.X/y/listKeys/action"
