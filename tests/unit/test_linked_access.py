"""A write that makes one resource use another one asks for a right on that one too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.access import ROLE_ASSIGNMENT, ROLE_DEFINITION, SUBSCRIPTION, Access
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.linked_access import CHECKS, LinkedAccessCheck, linked_ids, require_linked
from emulator.resource_types import ResourceTable, check_body
from emulator.store import Document, Store

PROVIDERS = f"{SUBSCRIPTION}/resourceGroups/elsewhere/providers"
SOMEBODY = Principal("somebody", "client", "")
MINE = f"{SUBSCRIPTION}/resourceGroups/mine/providers/Microsoft.X/things/one"


@pytest.fixture(name="store")
def fixture_store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite")


def grant(store: Store, action: str, scope: str) -> None:
    definition = {"properties": {"permissions": [{"actions": [action]}]}}
    store.put(Document(f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/own", definition))
    given = {"roleDefinitionId": "/providers/x/roleDefinitions/own", "principalId": SOMEBODY.object_id}
    store.put(Document(f"{scope}/providers/{ROLE_ASSIGNMENT}/given", {"properties": given}))


def linked_resource(check: LinkedAccessCheck) -> str:
    """A resource of the type that a check is about."""
    kind = check.linked_action.replace("{type}", "Microsoft.KeyVault/vaults").rsplit("/", 2)[0]
    provider, *types = kind.split("/")
    return f"{PROVIDERS}/{provider}" + "".join(f"/{one}/a" for one in types)


def body_of(path: str, value: str) -> Any:
    """A body that names a resource where a check looks for it."""
    head, _, rest = path.partition(".")
    name, star, tilde = head.partition("[*]")
    if tilde:
        return {name: {value: {}}}
    inner = body_of(rest, value) if rest else value
    return {name: [inner] if star else inner}


def named(check: LinkedAccessCheck) -> str:
    return f"{check.action}-{check.linked_property.rpartition('properties.')[2]}"


@pytest.mark.parametrize("check", CHECKS, ids=named)
def test_each_check_asks_for_its_action_on_what_is_named(store: Store, check: LinkedAccessCheck) -> None:
    linked = linked_resource(check)
    action, body = check.action.replace("*", "Microsoft.X/things"), body_of(check.linked_property, linked)
    with pytest.raises(ServiceError) as refused:
        require_linked(Access(store), SOMEBODY, action, MINE, body)
    assert (refused.value.status, refused.value.code) == (403, "LinkedAuthorizationFailed")
    needed = check.linked_action.replace("{type}", "Microsoft.KeyVault/vaults")
    assert f"perform action(s) '{needed}' on the linked scope(s) '{linked}'" in refused.value.message
    require_linked(Access(store), SOMEBODY, action.replace("write", "delete"), MINE, body)
    grant(store, needed, linked)
    require_linked(Access(store), SOMEBODY, action, MINE, body)
    with pytest.raises(ServiceError):
        require_linked(Access(store), SOMEBODY, action, MINE, body_of(check.linked_property, linked + "2"))


def test_what_is_no_id_is_refused_as_arm_does(store: Store) -> None:
    body = {"properties": {"subnet": {"id": "/subscriptions/one/two/three"}}}
    with pytest.raises(ServiceError) as refused:
        require_linked(Access(store), SOMEBODY, "Microsoft.Network/privateEndpoints/write", MINE, body)
    assert (refused.value.status, refused.value.code) == (400, "LinkedInvalidPropertyId")


@pytest.mark.parametrize(
    ("body", "path", "found"),
    [
        ({"properties": {"subnet": {"id": MINE}}}, "properties.subnet.id", [MINE]),
        ({"Properties": {"Subnet": {"ID": MINE}}}, "properties.subnet.id", [MINE]),
        ({"properties": {"pools": [{"id": MINE}, {}, {"id": "x"}]}}, "properties.pools[*].id", [MINE]),
        ({"properties": {"pools": None}}, "properties.pools[*].id", []),
        ({"properties": []}, "properties.subnet.id", []),
        ({"identity": {"all": {MINE: {}, "/subscriptions/gone": None}}}, "identity.all[*]~", [MINE]),
        ({"identity": "none"}, "identity.all[*]~", []),
    ],
)
def test_ids_are_found_where_a_path_leads(body: Any, path: str, found: list[str]) -> None:
    assert list(linked_ids(body, path)) == found


@pytest.mark.parametrize("check", [one for one in CHECKS if one.action != "*/write"], ids=named)
def test_each_property_is_one_of_azure_s_published_model(check: LinkedAccessCheck) -> None:
    provider, *types = check.action.removesuffix("/write").split("/")
    path = f"{PROVIDERS}/{provider}" + "".join(f"/{one}/abcde" for one in types)
    entry = ResourceTable.load().entry_for_path("PUT", path)
    assert entry
    problems = check_body(entry, body_of(check.linked_property, MINE))
    assert [one for one in problems if one.code in ("UnknownProperty", "WrongType")] == []
