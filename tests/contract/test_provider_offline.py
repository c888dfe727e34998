"""The plugin with no endpoint and no credential: checks, differences and previews."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from emulator.provider import values
from emulator.provider.values import UNKNOWN
from tests.contract.provider_client import EXECUTABLE, Plugin, plugin
from tests.unit.resource_type_examples import INPUTS, PROVIDERS

ACCOUNT = "storage:StorageAccount"
WORKSPACE = "machinelearningservices:Workspace"
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    with plugin(ENVIRONMENT, tmp_path_factory.mktemp("elsewhere")) as running:
        running.configure(subscriptionId=SUBSCRIPTION, location="westeurope")
        yield running


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_every_type_previews(offline: Plugin, name: str) -> None:
    inputs = offline.checked(name, INPUTS[name])
    outputs = values.read(offline.create(name, inputs, preview=True).properties)
    assert outputs.get("name", UNKNOWN) is UNKNOWN or outputs["name"] in inputs.values()
    assert offline.diff(name, inputs, offline.checked(name, INPUTS[name], olds=inputs)).diffs == []


def test_a_preview_knows_what_the_program_gave_and_nothing_else(offline: Plugin) -> None:
    inputs = offline.checked("keyvault:Vault", INPUTS["keyvault:Vault"])
    outputs = values.read(offline.create("keyvault:Vault", inputs, preview=True).properties)
    assert outputs["location"] == "westeurope"
    assert outputs["properties"]["sku"] == {"family": "A", "name": "standard"}
    assert outputs["properties"]["vaultUri"] is UNKNOWN
    assert outputs["systemData"] is UNKNOWN


def test_inputs_that_are_not_known_yet_pass_and_stay_unknown(offline: Plugin) -> None:
    inputs = offline.checked(WORKSPACE, INPUTS[WORKSPACE] | {"keyVault": UNKNOWN, "identity": UNKNOWN})
    assert inputs["keyVault"] is UNKNOWN
    outputs = values.read(offline.create(WORKSPACE, inputs, preview=True).properties)
    assert outputs["keyVault"] is UNKNOWN
    assert outputs["friendlyName"] == "Bikes"


def test_an_update_previews_with_what_the_service_had_set(offline: Plugin) -> None:
    olds = INPUTS["managedidentity:UserAssignedIdentity"]
    state = {"name": "training", "principalId": "p", "tags": {"owner": "ml"}, "location": "westeurope"}
    news = olds | {"tags": {"owner": "platform"}}
    outputs = offline.update("managedidentity:UserAssignedIdentity", "x", state, olds, news, preview=True)
    assert outputs == state | {"tags": {"owner": "platform"}}


# -- names


def test_a_name_left_out_is_made_from_the_seed_and_kept(offline: Plugin) -> None:
    inputs = {key: value for key, value in INPUTS[ACCOUNT].items() if key != "accountName"}
    first = offline.checked(ACCOUNT, inputs)["accountName"]
    assert first.startswith("it")
    assert len(first) == len("it") + 8
    assert offline.checked(ACCOUNT, inputs)["accountName"] == first
    assert offline.checked(ACCOUNT, inputs, olds={"accountName": "stearlier"})["accountName"] == "stearlier"


def test_a_child_takes_the_logical_name_and_a_role_assignment_a_uuid(offline: Plugin) -> None:
    container = {key: value for key, value in INPUTS["storage:BlobContainer"].items() if key != "containerName"}
    assert offline.failures("storage:BlobContainer", container) == {
        "containerName": "'it' has 2 characters, at least 3 are needed"
    }
    role = {key: value for key, value in INPUTS["authorization:RoleAssignment"].items() if key != "roleAssignmentName"}
    assert len(offline.checked("authorization:RoleAssignment", role)["roleAssignmentName"]) == 36


def test_the_location_comes_from_configuration(offline: Plugin) -> None:
    inputs = {key: value for key, value in INPUTS[ACCOUNT].items() if key != "location"}
    assert offline.checked(ACCOUNT, inputs)["location"] == "westeurope"
    assert "location" not in offline.checked("storage:BlobContainer", INPUTS["storage:BlobContainer"])


# -- faults


@pytest.mark.parametrize(
    ("changed", "property_", "reason"),
    [
        ({"minimumTlsVersions": "TLS1_2"}, "minimumTlsVersions", "did you mean 'minimumTlsVersion'"),
        ({"kind": "StorageV9"}, "kind", "did you mean 'StorageV2'"),
        ({"isHnsEnabled": "yes"}, "isHnsEnabled", "a string, must be a boolean"),
        ({"enableHttpsTrafficOnly": 1}, "enableHttpsTrafficOnly", "an integer, must be a boolean"),
        ({"sku": {"tier": "Standard"}}, "sku.name", "required property missing"),
        ({"sku": None}, "sku", "required property missing"),
        ({"accountName": "ST-mlops"}, "accountName", "does not match ^[a-z0-9]+$"),
        ({"resourceGroupName": None}, "resourceGroupName", "required input missing"),
        ({"allowedCopyScope": "Everywhere"}, "allowedCopyScope", "'Everywhere' is not one of 'AAD', 'PrivateLink'"),
    ],
)
def test_a_fault_is_told_by_the_name_the_program_uses(
    offline: Plugin, changed: dict[str, Any], property_: str, reason: str
) -> None:
    failures = offline.failures(ACCOUNT, INPUTS[ACCOUNT] | changed)
    assert reason in failures[property_]
    assert set(failures) <= {property_, "sku.tier"}


def test_an_unknown_type_is_an_error_that_names_it_and_the_fix(offline: Plugin) -> None:
    with pytest.raises(grpc.RpcError, match=r"azure-native:storage:Table is not in the table.*targets\.py"):
        offline.check("storage:Table", {})


# -- differences


@pytest.mark.parametrize(
    ("name", "changed", "expected", "replaces"),
    [
        (ACCOUNT, {"minimumTlsVersion": "TLS1_1"}, {"minimumTlsVersion": "UPDATE"}, []),
        (ACCOUNT, {"minimumTlsVersion": None}, {"minimumTlsVersion": "DELETE"}, []),
        (ACCOUNT, {"tags": {"a.b": "c"}}, {"tags": "ADD"}, []),
        (ACCOUNT, {"location": "West Europe"}, {}, []),
        (ACCOUNT, {"location": "northeurope"}, {"location": "UPDATE_REPLACE"}, ["location"]),
        (ACCOUNT, {"isHnsEnabled": False}, {"isHnsEnabled": "UPDATE_REPLACE"}, ["isHnsEnabled"]),
        (ACCOUNT, {"accountName": "stother"}, {"accountName": "UPDATE_REPLACE"}, ["accountName"]),
        (WORKSPACE, {"keyVault": f"{PROVIDERS}/microsoft.keyvault/vaults/KV-mlops"}, {}, []),
        (WORKSPACE, {"keyVault": UNKNOWN}, {"keyVault": "UPDATE"}, []),
        ("authorization:RoleAssignment", {"principalId": UNKNOWN}, {"principalId": "UPDATE_REPLACE"}, ["principalId"]),
    ],
)
def test_differences(
    offline: Plugin, name: str, changed: dict[str, Any], expected: dict[str, str], replaces: list[str]
) -> None:
    response = offline.diff(name, INPUTS[name], INPUTS[name] | changed)
    kinds = {path: type(one).Kind.Name(one.kind) for path, one in response.detailedDiff.items()}
    assert kinds == expected
    assert list(response.replaces) == replaces
    assert response.deleteBeforeReplace is (bool(replaces) and replaces != ["accountName"])


def test_differences_deep_inside_name_their_place(offline: Plugin) -> None:
    olds = INPUTS["storage:ManagementPolicy"]
    rule = olds["policy"]["rules"][0]
    news = olds | {"policy": {"rules": [rule | {"enabled": False}, rule | {"name": "second"}]}}
    response = offline.diff("storage:ManagementPolicy", olds, news)
    assert set(response.detailedDiff) == {"policy.rules[0].enabled", "policy.rules[1]"}


def test_a_create_only_property_inside_replaces(offline: Plugin) -> None:
    name = "machinelearningservices:Datastore"
    olds = INPUTS[name]
    moved = olds | {"properties": olds["properties"] | {"accountName": "stother"}}
    described = olds | {"properties": olds["properties"] | {"description": "new"}}
    assert list(offline.diff(name, olds, moved).replaces) == ["properties"]
    assert list(offline.diff(name, olds, described).replaces) == []


def test_identities_are_a_set(offline: Plugin) -> None:
    one, two = (f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities/{name}" for name in ("a", "b"))
    olds = INPUTS[WORKSPACE] | {"identity": {"type": "UserAssigned", "userAssignedIdentities": [one, two]}}
    news = INPUTS[WORKSPACE] | {"identity": {"type": "UserAssigned", "userAssignedIdentities": [two.upper(), one]}}
    assert dict(offline.diff(WORKSPACE, olds, news).detailedDiff) == {}


# -- the process


def test_the_plugin_says_what_it_is(offline: Plugin) -> None:
    schema = json.loads(offline.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert schema["version"] == offline.stub.GetPluginInfo(empty_pb2.Empty()).version == "3.29.0"
    assert schema["resources"][f"azure-native:{ACCOUNT}"]["requiredInputs"] == ["kind", "resourceGroupName", "sku"]


def test_anything_but_a_preview_is_refused_and_says_why(offline: Plugin) -> None:
    with pytest.raises(grpc.RpcError, match="stack 'prod' is not what this shell was prepared for"):
        offline.create(ACCOUNT, INPUTS[ACCOUNT], stack="prod")
    with pytest.raises(grpc.RpcError, match="nothing was changed"):
        offline.delete(ACCOUNT, "/subscriptions/x", stack="prod")


def test_an_unknown_function_names_itself(offline: Plugin) -> None:
    with pytest.raises(grpc.RpcError, match="azure-native:storage:listEverything is not a function"):
        offline.invoke("azure-native:storage:listEverything", {})


def test_it_ends_when_the_engine_is_killed(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        "plugin = subprocess.Popen([sys.argv[1], 'x'], stdout=subprocess.PIPE)\n"
        "plugin.stdout.readline()\n"
        "print(plugin.pid, flush=True)\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(EXECUTABLE)]
    with subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        started = psutil.Process(int(engine.stdout.readline()))
        engine.kill()
    started.wait(timeout=20)
