"""One question who may do what: by recorded role assignments, at the resource or above it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.access import ACR_PULL, PULL_IMAGE, QUERY_LOGS, ROLE_ASSIGNMENT, SEND_TELEMETRY, Access, arm_action
from emulator.entra.principal import Principal
from emulator.entra.tokens import DEVELOPER
from emulator.errors import ServiceError
from emulator.store import Document, Store

GROUP = "/subscriptions/s/resourceGroups/g"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/images"


@pytest.fixture(name="store")
def fixture_store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite")


def assign(store: Store, scope: str, role: str, principal: str) -> None:
    properties = {"roleDefinitionId": f"/providers/x/roleDefinitions/{role}", "principalId": principal}
    store.put(Document(f"{scope}/providers/{ROLE_ASSIGNMENT}/a", {"properties": properties}))


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


def test_the_developer_may_do_everything_and_everybody_what_is_not_enforced(store: Store) -> None:
    access = Access(store)
    assert access.allows(DEVELOPER.object_id, PULL_IMAGE, REGISTRY)
    access.require(Principal("somebody", "client", ""), QUERY_LOGS, REGISTRY)
    access.require(Principal("somebody", "client", ""), arm_action("PUT", "Microsoft.X/y", ""), REGISTRY)


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
