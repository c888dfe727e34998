from __future__ import annotations

import pytest

from emulator.resource_id import ResourceId

GROUP = "/subscriptions/S/resourceGroups/Rg"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/sa"


@pytest.mark.parametrize(
    ("path", "resource_type", "name", "parent"),
    [
        ("/subscriptions/S", "Microsoft.Resources/subscriptions", "S", None),
        (GROUP, "Microsoft.Resources/resourceGroups", "Rg", "/subscriptions/S"),
        (ACCOUNT, "Microsoft.Storage/storageAccounts", "sa", GROUP),
        (f"{ACCOUNT}/blobServices/default", "Microsoft.Storage/storageAccounts/blobServices", "default", ACCOUNT),
        (f"{ACCOUNT}/providers/Microsoft.Authorization/locks/l", "Microsoft.Authorization/locks", "l", ACCOUNT),
        ("/providers/Microsoft.Authorization/roleDefinitions/r", "Microsoft.Authorization/roleDefinitions", "r", None),
    ],
)
def test_parse(path: str, resource_type: str, name: str, parent: str | None) -> None:
    found = ResourceId.parse(path)
    assert (found.type, found.name, found.parent) == (resource_type, name, parent)
    assert not found.is_collection


def test_a_path_that_ends_in_a_type_is_a_collection() -> None:
    assert ResourceId.parse(f"{ACCOUNT}/blobServices").is_collection
    assert ResourceId.parse("/subscriptions/S/resourceGroups").is_collection


def test_case_does_not_tell_two_resources_apart() -> None:
    assert ResourceId.parse(ACCOUNT).key == ResourceId.parse(ACCOUNT.upper()).key
    assert ResourceId.parse(ACCOUNT.upper()).resource_group == GROUP.lower()


@pytest.mark.parametrize("path", ["", "/", "/tenants/x", f"{GROUP}/resources", f"{GROUP}/providers/Microsoft.Storage"])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"no ARM path|names no resource type"):
        ResourceId.parse(path)
