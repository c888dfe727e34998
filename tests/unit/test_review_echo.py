"""The echoes of a throwaway state: never for any other backend, and the same for the same inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.provider.configuration import Configuration
from emulator.provider.echo import MARK, VARIABLE, Echo, echoing
from emulator.provider.guard import refuse
from emulator.resource_types import ResourceTable
from tools import echo_host, throwaway

URN = "urn:pulumi:prod::mlops::azure-native:storage:StorageAccount::lake"
SUBSCRIPTION = "0a0a0a0a-0000-4000-8000-000000000000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath(MARK).touch()
    return tmp_path


def test_a_marked_backend_that_the_variable_names_is_served_without_any_cloud(folder: Path) -> None:
    environment = {VARIABLE: str(folder), "PULUMI_BACKEND_URL": f"file://{folder}"}
    assert echoing(environment)
    assert refuse(URN, environment, preview=False) is None


@pytest.mark.parametrize(
    "backend", ["", "azblob://state?storage_account=x", "file:///somewhere/else", "https://api.pulumi.com"]
)
def test_a_variable_that_was_left_over_does_not_open_another_backend(folder: Path, backend: str) -> None:
    environment = {VARIABLE: str(folder), "PULUMI_BACKEND_URL": backend}
    assert not echoing(environment)
    assert "nothing was changed" in str(refuse(URN, environment, preview=False))


def test_a_backend_without_the_mark_is_somebodys(tmp_path: Path) -> None:
    assert not echoing({VARIABLE: str(tmp_path), "PULUMI_BACKEND_URL": f"file://{tmp_path}"})


def test_tool_and_plugin_mean_the_same_variable_and_mark() -> None:
    assert (throwaway.VARIABLE, throwaway.MARK) == (VARIABLE, MARK)


def test_an_echo_holds_what_was_given_and_placeholders_that_follow_from_the_id() -> None:
    entry = ResourceTable.load().entry_for_token("azure-native:managedidentity:UserAssignedIdentity")
    echo = Echo(Configuration(subscription=SUBSCRIPTION))
    first, again, other = (
        echo.create(entry, {"resourceGroupName": "rg", "resourceName": name, "location": "westeurope"}, 0)
        for name in ("one", "one", "two")
    )
    assert first == again
    assert first.outputs["location"] == "westeurope"
    assert len(first.outputs["principalId"]) == 36
    assert first.outputs["principalId"] != other.outputs["principalId"]
    assert first.id.endswith("/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one")


def test_what_the_service_would_choose_is_left_out_of_an_echo() -> None:
    """The program reads such outputs again, and a placeholder would be none of the words that it knows."""
    entry = ResourceTable.load().entry_for_token("azure-native:storage:StorageAccount")
    given = {"resourceGroupName": "rg", "accountName": "lake", "location": "westeurope", "kind": "StorageV2"}
    found = Echo(Configuration(subscription=SUBSCRIPTION)).create(entry, given, 0).outputs
    assert found["primaryEndpoints"]["dfs"] == "https://lake.dfs.core.windows.net/"
    assert "publicNetworkAccess" not in found


def test_our_own_resources_get_every_output_that_they_declare() -> None:
    from ml.resources.quality_gate import QualityGate, QualityGateProvider

    found = echo_host.placeholders(QualityGateProvider, {"system": "x", "digest": "given"})
    assert set(found) == set(QualityGate.outputs) - {"digest"}
    assert len(found["sha256"]) == 64
    assert found["metrics"] == {}
    assert found == echo_host.placeholders(QualityGateProvider, {"digest": "given", "system": "x"})
