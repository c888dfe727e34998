"""The committed table: lookups, and the requests and outputs it describes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from emulator.resource_types import ResourceTable, UnknownResourceTypeError, check_body, check_path, read_only_paths
from emulator.resource_types.conversion import inputs_of, outputs, request
from emulator.resource_types.table import TABLE_FILE
from tests.unit.resource_type_examples import GROUP, IDENTITY, INPUTS, PROVIDERS, SUBSCRIPTION
from tools.resource_types.targets import TYPES

TABLE = ResourceTable.load()
ACCOUNT = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/stmlops"


def test_every_listed_type_is_in_the_table() -> None:
    """`tests/program/test_held_to_azure.py` holds that those without an example here are declared by some stack."""
    listed = {token for tokens in TYPES.values() for token in tokens}
    assert {token.removeprefix("azure-native:") for token in TABLE.tokens} == listed
    assert listed >= set(INPUTS)


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_inputs_make_a_valid_request_and_come_back_from_it(name: str) -> None:
    entry, inputs = TABLE.entry_for_token(f"azure-native:{name}"), INPUTS[name]
    made = request(entry, inputs, SUBSCRIPTION)
    assert check_body(entry, made.body) == []
    assert check_path(entry, made.path) == []
    assert made.query["api-version"] == entry.api_version
    back = inputs_of(entry, made.path, made.body)
    assert back == {key: value for key, value in inputs.items() if entry.inputs[key].place.kind != "query"}


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_a_path_finds_its_type_in_any_case(name: str) -> None:
    entry = TABLE.entry_for_token(f"azure-native:{name}")
    path = request(entry, INPUTS[name], SUBSCRIPTION).path
    assert TABLE.entry_for_path("PUT", path.upper()) is entry
    assert TABLE.entry_for_path("get", path.lower()) is entry


@pytest.mark.parametrize(
    "path", [f"{ACCOUNT}/listKeys", f"{PROVIDERS}/Microsoft.Storage/storageAccounts", "/", GROUP + "/x"]
)
def test_actions_and_collections_are_no_resources(path: str) -> None:
    assert TABLE.entry_for_path("PUT", path) is None


def test_a_method_the_type_does_not_have_finds_nothing() -> None:
    assert TABLE.entry_for_path("DELETE", f"{ACCOUNT}/blobServices/default") is None


def test_outputs_carry_what_only_the_service_knows() -> None:
    entry = TABLE.entry_for_token("azure-native:storage:StorageAccount")
    endpoints = {"blob": "https://stmlops.blob.core.windows.net/"}
    response = {
        "id": ACCOUNT,
        "name": "stmlops",
        "properties": {"primaryEndpoints": endpoints, "supportsHttpsTrafficOnly": True},
    }
    found = outputs(entry, response)
    assert found["primaryEndpoints"] == endpoints
    assert found["enableHttpsTrafficOnly"] is True
    assert found["azureApiVersion"] == entry.api_version
    assert "encryption" not in found


def test_a_list_of_identities_becomes_the_keys_of_an_object() -> None:
    entry = TABLE.entry_for_token("azure-native:machinelearningservices:Workspace")
    body = request(entry, INPUTS["machinelearningservices:Workspace"], SUBSCRIPTION).body
    assert body["identity"]["userAssignedIdentities"] == {IDENTITY: {}}


@pytest.mark.parametrize(
    ("name", "path", "read_only"),
    [
        ("storage:StorageAccount", "properties/primaryEndpoints", True),
        ("storage:StorageAccount", "properties/accessTier", False),
        ("keyvault:Vault", "systemData", True),
        ("keyvault:Vault", "properties/vaultUri", False),
        ("machinelearningservices:Workspace", "properties/workspaceId", True),
        ("machinelearningservices:Datastore", "properties/credentials", False),
        ("machinelearningservices:Job", "properties/status", True),
        ("resources:ResourceGroup", "properties/provisioningState", True),
        ("managedidentity:UserAssignedIdentity", "properties/principalId", True),
    ],
)
def test_read_only_paths(name: str, path: str, read_only: bool) -> None:
    found = read_only_paths(TABLE.entry_for_token(f"azure-native:{name}"))
    assert (tuple(path.split("/")) in found) is read_only


def test_an_unknown_type_names_itself_its_neighbour_and_the_way_to_add_it() -> None:
    with pytest.raises(
        UnknownResourceTypeError, match=r"storage:StorageAcount .* Did you mean .*StorageAccount.*targets\.py"
    ):
        TABLE.entry_for_token("azure-native:storage:StorageAcount")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{PROVIDERS}/Microsoft.Storage/storageAccounts/ST-mlops", "does not match"),
        (f"{PROVIDERS}/Microsoft.Storage/storageAccounts/{'a' * 25}", "at most 24"),
        (f"{PROVIDERS}/Microsoft.OperationalInsights/workspaces/log", "at least 4"),
    ],
)
def test_names_in_a_path_are_held_to_their_limits(path: str, message: str) -> None:
    entry = TABLE.entry_for_path("PUT", path)
    assert entry is not None
    assert any(message in str(problem) for problem in check_path(entry, path))


def test_generating_again_gives_the_same_bytes() -> None:
    command = [sys.executable, "-m", "tools.resource_types", "--check"]
    result = subprocess.run(command, cwd=TABLE_FILE.parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_table_is_compact_and_one_line_a_type() -> None:
    text = TABLE_FILE.read_text()
    resources = json.loads(text)["resources"]
    assert len(text) < 12_000 * len(resources)
    assert sum(line.startswith('"azure-native:') for line in text.splitlines()) == len(resources)
