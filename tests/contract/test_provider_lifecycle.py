"""The plugin against the emulator: create, read, update, import, replace, delete, and errors in the service's words."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from emulator.provider import values
from tests.conftest import RunningEmulator
from tests.contract.provider_client import STACK, Plugin, plugin

Inputs = dict[str, Any]
GROUP = "resources:ResourceGroup"
ACCOUNT = "storage:StorageAccount"
IDENTITY = "managedidentity:UserAssignedIdentity"


@pytest.fixture(scope="module")
def azure(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    environment = {"PATH": os.environ["PATH"], "AZURE_MLOPS_STACK": STACK, **emulator.environment}
    with plugin(environment, tmp_path_factory.mktemp("elsewhere")) as running:
        running.configure(location="westeurope")
        yield running


def made(azure: Plugin, name: str, inputs: Inputs) -> tuple[str, Inputs, Inputs]:
    """Id, checked inputs and outputs of a new resource."""
    checked = azure.checked(name, inputs)
    response = azure.create(name, checked)
    return response.id, checked, values.read(response.properties)


@pytest.fixture
def group(azure: Plugin) -> Iterator[str]:
    name = f"rg-{uuid.uuid4().hex[:8]}"
    id_, _, _ = made(azure, GROUP, {"resourceGroupName": name, "tags": {"owner": "ml"}})
    yield name
    azure.delete(GROUP, id_)


@pytest.fixture
def account(azure: Plugin, group: str) -> tuple[str, Inputs, Inputs]:
    inputs = {
        "resourceGroupName": group,
        "accountName": f"st{uuid.uuid4().hex[:12]}",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "minimumTlsVersion": "TLS1_2",
    }
    return made(azure, ACCOUNT, inputs)


def test_what_is_made_can_be_read_and_has_not_changed(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    id_, inputs, outputs = account
    assert outputs["name"] == inputs["accountName"]
    assert outputs["primaryEndpoints"]["blob"].startswith("https://")
    assert outputs["provisioningState"] == "Succeeded"
    response = azure.read(ACCOUNT, id_, outputs, inputs)
    assert response.id == id_
    assert values.read(response.inputs) == inputs
    assert azure.diff(ACCOUNT, values.read(response.inputs), inputs).diffs == []


def test_a_second_create_says_that_the_resource_exists(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    id_, inputs, _ = account
    with pytest.raises(grpc.RpcError) as caught:
        azure.create(ACCOUNT, inputs)
    assert caught.value.details() == f"cannot create already existing resource '{id_}'"


def test_an_update_reaches_the_service(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    id_, inputs, outputs = account
    news = inputs | {"minimumTlsVersion": "TLS1_1", "tags": {"owner": "ml"}}
    updated = azure.update(ACCOUNT, id_, outputs, inputs, news)
    assert (updated["minimumTlsVersion"], updated["tags"]) == ("TLS1_1", {"owner": "ml"})
    assert updated["primaryEndpoints"] == outputs["primaryEndpoints"]


def test_a_change_by_other_hands_shows_in_the_inputs(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    id_, inputs, outputs = account
    azure.update(ACCOUNT, id_, outputs, inputs, inputs | {"tags": {"by": "hand"}})
    drifted = values.read(azure.read(ACCOUNT, id_, outputs, inputs).inputs)
    assert drifted == inputs | {"tags": {"by": "hand"}}
    assert list(azure.diff(ACCOUNT, drifted, inputs).diffs) == ["tags"]


def test_an_import_finds_inputs_that_need_no_change(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    id_, inputs, _ = account
    response = azure.read(ACCOUNT, id_, {}, {})
    imported = values.read(response.inputs)
    assert inputs.items() <= imported.items()
    assert azure.failures(ACCOUNT, imported) == {}
    assert azure.diff(ACCOUNT, imported, azure.checked(ACCOUNT, imported)).diffs == []


def test_a_resource_whose_creation_was_cut_short_keeps_its_inputs(
    azure: Plugin, account: tuple[str, Inputs, Inputs]
) -> None:
    id_, inputs, outputs = account
    assert values.read(azure.read(ACCOUNT, id_, {}, inputs).inputs) == inputs
    azure.update(ACCOUNT, id_, outputs, inputs, inputs | {"minimumTlsVersion": "TLS1_1"})
    assert values.read(azure.read(ACCOUNT, id_, {}, inputs).inputs) == inputs | {"minimumTlsVersion": "TLS1_1"}


def test_what_is_gone_reads_as_gone_and_deletes_again(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    id_, inputs, outputs = account
    azure.delete(ACCOUNT, id_)
    assert azure.read(ACCOUNT, id_, outputs, inputs).id == ""
    azure.delete(ACCOUNT, id_)


def test_what_azure_makes_itself_is_changed_not_refused(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    _, parent, _ = account
    inputs = {
        "resourceGroupName": parent["resourceGroupName"],
        "accountName": parent["accountName"],
        "blobServicesName": "default",
        "deleteRetentionPolicy": {"enabled": True, "days": 7},
    }
    name = "storage:BlobServiceProperties"
    id_, _, outputs = made(azure, name, inputs)
    assert outputs["deleteRetentionPolicy"] == {"enabled": True, "days": 7}
    azure.delete(name, id_)
    assert azure.read(name, id_, outputs, inputs).id == id_


def test_a_role_assignment_has_its_scope_in_its_id(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    scope, parent, _ = account
    _, _, identity = made(
        azure, IDENTITY, {"resourceGroupName": parent["resourceGroupName"], "resourceName": "training"}
    )
    subscription = scope.split("/")[2]
    role = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    inputs = {
        "scope": scope,
        "principalId": identity["principalId"],
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}",
    }
    id_, checked, outputs = made(azure, "authorization:RoleAssignment", inputs)
    assert id_.lower().startswith(f"{scope.lower()}/providers/microsoft.authorization/roleassignments/")
    assert outputs["principalId"] == identity["principalId"]
    found = values.read(azure.read("authorization:RoleAssignment", id_, outputs, checked).inputs)
    assert azure.diff("authorization:RoleAssignment", checked, found).diffs == []
    azure.delete("authorization:RoleAssignment", id_)


def test_an_error_of_the_service_names_code_and_resource(azure: Plugin) -> None:
    inputs = azure.checked(IDENTITY, {"resourceGroupName": "rg-nowhere", "resourceName": "training"})
    with pytest.raises(grpc.RpcError) as caught:
        azure.create(IDENTITY, inputs)
    text = str(caught.value.details())
    assert "ResourceGroupNotFound" in text
    assert "rg-nowhere" in text
    assert "Traceback" not in text


def test_keys_and_the_callers_identity(azure: Plugin, account: tuple[str, Inputs, Inputs]) -> None:
    _, inputs, outputs = account
    names = {"resourceGroupName": inputs["resourceGroupName"], "accountName": inputs["accountName"]}
    keys = azure.invoke("azure-native:storage:listStorageAccountKeys", names)["keys"]
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    caller = azure.invoke("azure-native:authorization:getClientConfig", {})
    assert set(caller) == {"clientId", "objectId", "subscriptionId", "tenantId"}
    assert uuid.UUID(caller["objectId"])
    got = azure.invoke("azure-native:storage:getStorageAccount", names)
    assert got["primaryEndpoints"] == outputs["primaryEndpoints"]


def test_many_at_once(azure: Plugin, group: str) -> None:
    names = [f"id-{number}" for number in range(24)]
    checked = [azure.checked(IDENTITY, {"resourceGroupName": group, "resourceName": name}) for name in names]
    with ThreadPoolExecutor(24) as pool:
        responses = list(pool.map(lambda inputs: azure.create(IDENTITY, inputs), checked))
    principals = {values.read(response.properties)["principalId"] for response in responses}
    assert len(principals) == len(names)


def test_nothing_is_served_without_the_emulator_that_it_was_prepared_for(
    emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = {"PATH": os.environ["PATH"], "AZURE_MLOPS_STACK": STACK, **emulator.environment}
    environment["ARM_METADATA_HOSTNAME"] = "localhost:1"
    folder = tmp_path_factory.mktemp("elsewhere")
    with plugin(environment, folder) as running, pytest.raises(grpc.RpcError, match="is the emulator running"):
        running.create(GROUP, {"resourceGroupName": "rg", "location": "westeurope"})
