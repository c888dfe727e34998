"""Every resource type that the emulator serves, through the plugin: made, read, unchanged, and deleted again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.provider import values
from infra.role_assignments import Role
from tests.conftest import RunningEmulator
from tests.contract.provider_client import STACK, Plugin, plugin
from tests.unit.resource_type_examples import INPUTS, SUBSCRIPTION

GROUP = "rg-every-type"
FIRST = [
    "resources:ResourceGroup",
    "authorization:PolicyDefinition",
    "operationalinsights:Workspace",
    "applicationinsights:Component",
    "managedidentity:UserAssignedIdentity",
    "keyvault:Vault",
    "containerregistry:Registry",
    "storage:StorageAccount",
    "storage:BlobServiceProperties",
    "storage:BlobContainer",
    "machinelearningservices:Workspace",
    "containerservice:ManagedCluster",
    "iothub:IotHubResource",
    "machinelearningservices:Compute",
    "machinelearningservices:DataContainer",
    "machinelearningservices:EnvironmentContainer",
    "machinelearningservices:EnvironmentVersion",
    "machinelearningservices:CodeContainer",
    "machinelearningservices:ModelContainer",
    "machinelearningservices:ComponentContainer",
]
"""What others live in or point to."""
LAST = "authorization:ManagementLockByScope"
ASSIGNMENT = "authorization:RoleAssignment"
RIGHTS = (
    Role.CONTRIBUTOR,
    Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
    Role.STORAGE_FILE_DATA_PRIVILEGED_CONTRIBUTOR,
    Role.KEY_VAULT_ADMINISTRATOR,
)
ELSEWHERE = {
    "containerinstance:ContainerGroup",
    "machinelearningservices:Job",
    "machinelearningservices:OnlineDeployment",
    "machinelearningservices:OnlineEndpoint",
}
"""Types that start processes: their own tests have them."""
UNSERVED = {"machinelearningservices:WorkspaceConnection"}
ORDER = [*FIRST, *sorted(set(INPUTS) - {*FIRST, *ELSEWHERE, *UNSERVED, LAST}), LAST]


@dataclass(frozen=True)
class Made:
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@pytest.fixture(scope="module")
def azure(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    environment = {"PATH": os.environ["PATH"], "AZURE_MLOPS_STACK": STACK, **emulator.environment}
    with plugin(environment, tmp_path_factory.mktemp("elsewhere")) as running:
        running.configure(location="westeurope")
        yield running


@pytest.fixture(scope="module")
def resources(azure: Plugin, emulator: RunningEmulator) -> Iterator[dict[str, Made]]:
    made: dict[str, Made] = {}
    for name in ORDER:
        inputs = azure.checked(name, inputs_for(name, emulator.environment["ARM_SUBSCRIPTION_ID"]))
        response = azure.create(name, inputs)
        made[name] = Made(response.id, inputs, values.read(response.properties))
        if name == "managedidentity:UserAssignedIdentity":
            give_rights(azure, made[name], made["resources:ResourceGroup"])
    yield made
    for name in reversed(ORDER):
        azure.delete(name, made[name].id)


def give_rights(azure: Plugin, identity: Made, group: Made) -> None:
    """A workspace is refused while its identity may not work on what it stands on."""
    subscription = group.id.rsplit("/resourceGroups/", 1)[0]
    for role in RIGHTS:
        definition = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role.value}"
        given = {"scope": group.id, "roleAssignmentName": role.value, "roleDefinitionId": definition}
        principal = {"principalId": identity.outputs["principalId"], "principalType": "ServicePrincipal"}
        azure.create(ASSIGNMENT, azure.checked(ASSIGNMENT, {**given, **principal}))


def inputs_for(name: str, subscription: str) -> dict[str, Any]:
    text = json.dumps(INPUTS[name]).replace(SUBSCRIPTION, subscription)
    text = text.replace("/resourceGroups/mlops", f"/resourceGroups/{GROUP}")
    text = text.replace('"resourceGroupName": "mlops"', f'"resourceGroupName": "{GROUP}"')
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize("name", ORDER)
def test_what_was_made_reads_back_without_a_difference(azure: Plugin, resources: dict[str, Made], name: str) -> None:
    made = resources[name]
    found = azure.read(name, made.id, made.outputs, made.inputs)
    assert found.id == made.id
    assert dict(azure.diff(name, values.read(found.inputs), made.inputs).detailedDiff) == {}
    assert made.outputs["azureApiVersion"]


@pytest.mark.parametrize("name", ORDER)
def test_an_import_gives_inputs_that_would_make_it_again(azure: Plugin, resources: dict[str, Made], name: str) -> None:
    imported = values.read(azure.read(name, resources[name].id, {}, {}).inputs)
    assert azure.failures(name, imported) == {}


def test_previews_and_outputs_have_the_same_names(azure: Plugin, resources: dict[str, Made]) -> None:
    for name, made in resources.items():
        preview = values.read(azure.create(name, made.inputs, preview=True).properties)
        assert made.outputs.keys() <= preview.keys(), name
