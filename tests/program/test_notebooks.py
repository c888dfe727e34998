"""The part `notebooks`: whose the instance is, and what nobody else can do with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.program.parts import HYBRID, ID, NOTEBOOKS, PRIVATE, PRODUCTION, build, refused, roles
from tests.program.recorder import Recording, Registered

PROFILES: dict[str, dict[str, Any]] = {"open": {}, "hybrid": HYBRID, "private": PRIVATE, "prod": PRODUCTION}


def instance(recording: Recording) -> Registered:
    computes = recording.of_type("azure-native:machinelearningservices:Compute")
    (found,) = [one for one in computes if one.inputs["properties"]["computeType"] == "ComputeInstance"]
    return found


@pytest.mark.parametrize("profile", PROFILES)
def test_it_belongs_to_one_person_and_has_no_other_way_in(profile: str) -> None:
    properties = instance(build("notebooks", **PROFILES[profile])).inputs["properties"]
    inner = properties["properties"]
    assert properties["disableLocalAuth"] is True
    assert inner["sshSettings"] == {"sshPublicAccess": "Disabled"}
    assert inner["applicationSharingPolicy"] == "Personal"
    owner = {"objectId": NOTEBOOKS["userObjectId"], "tenantId": ID}
    assert inner["personalComputeInstanceSettings"] == {"assignedUser": owner}
    assert inner["enableNodePublicIp"] is (profile in ("open", "prod"))


def test_it_stops_when_nobody_works_on_it() -> None:
    assert instance(build("notebooks")).inputs["properties"]["properties"]["idleTimeBeforeShutdown"] == "PT30M"


def test_its_name_is_its_own_in_the_region_and_short_enough() -> None:
    name = instance(build("notebooks")).inputs["computeName"]
    assert 3 <= len(name) <= 24
    assert name.startswith("notebooks-")
    assert name != instance(build("notebooks", nameSalt="second")).inputs["computeName"]


def test_it_reads_the_lake_and_changes_nothing_there() -> None:
    stack = build("notebooks")
    assert roles(stack, "notebooks-identity") == {
        ("AZUREML_DATA_SCIENTIST", "workspaces"),
        ("STORAGE_BLOB_DATA_CONTRIBUTOR", "storageAccounts"),
        ("STORAGE_BLOB_DATA_READER", "containers"),
    }
    granted = {urn for urn in stack.before(instance(stack)) if "::notebooks-identity-" in urn}
    assert len(granted) == 4


def test_a_new_owner_gets_a_new_instance() -> None:
    made = instance(build("notebooks"))
    assert "properties.properties.personalComputeInstanceSettings" in made.replace_on_changes
    assert made.delete_before_replace


@pytest.mark.parametrize(
    ("notebooks", "expected"),
    [
        ({}, "write `userObjectId: <object id>`"),
        ({"userObjectId": "me"}, "mlops:notebooks.userObjectId"),
        ({**NOTEBOOKS, "idleMinutes": 5}, "mlops:notebooks.idleMinutes = 5"),
    ],
)
def test_wrong_settings_are_named_with_the_fix(notebooks: dict[str, Any], expected: str) -> None:
    assert expected in refused(platform=["notebooks"], notebooks=notebooks)
