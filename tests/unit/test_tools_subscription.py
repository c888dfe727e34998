"""What `make doctor` finds in a subscription: every problem is planted, named, and has its fix."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from ml.clients import arm as arm_module
from ml.clients.arm import Arm, manner
from ml.clients.cloud import PUBLIC
from ml.clients.errors import CloudError
from policies.resource import Resource
from tools import azure_checks, subscription
from tools.azure_checks import Subscription
from tools.finding import Finding
from tools.needs import DELETED_VAULTS, ML, Needs

ID, TENANT = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
SCOPE = f"/subscriptions/{ID}"
GROUP = f"{SCOPE}/resourceGroups/rg-a"
PLACE = {"resourceGroupName": "rg-a", "location": "westeurope"}
SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
INNER = {"scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4}, "vmSize": "Standard_DS3_v2"}
COMPUTE = {"computeType": "AmlCompute", "properties": INNER}
POOL = {"vmSize": "Standard_D4ds_v5", "count": 0, "maxCount": 3, "upgradeSettings": {"maxSurge": "33%"}}
ROLE = {"scope": GROUP, "roleAssignmentName": "0" * 8, "principalId": "p", "roleDefinitionId": "r"}
ROLLOUT = {
    "endpointId": f"{GROUP}/providers/{ML}/workspaces/mlw-a/onlineEndpoints/e",
    "instanceType": "Standard_DS2_v2",
    "instances": 1,
}
INPUTS: Mapping[str, Mapping[str, Any]] = {
    "azure-native:resources:ResourceGroup": PLACE,
    "azure-native:storage:StorageAccount": {**PLACE, "accountName": "sta", "sku": {"name": "Standard_LRS"}},
    "azure-native:keyvault:Vault": {**PLACE, "vaultName": "kv-a"},
    "azure-native:sql:Server": {**PLACE, "serverName": "sql-a"},
    "azure-native:deviceprovisioningservices:IotDpsResource": {**PLACE, "provisioningServiceName": "provs-a"},
    "azure-native:network:PrivateEndpoint": {**PLACE, "privateEndpointName": "pep-a", "subnet": {"id": SUBNET}},
    "azure-native:authorization:RoleAssignment": ROLE,
    "azure-native:machinelearningservices:Workspace": {**PLACE, "workspaceName": "mlw-a"},
    "azure-native:machinelearningservices:OnlineEndpoint": {**PLACE, "workspaceName": "mlw-a", "endpointName": "e"},
    "azure-native:machinelearningservices:Compute": {
        **PLACE,
        "workspaceName": "mlw-a",
        "computeName": "cpu",
        "properties": COMPUTE,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [IDENTITY]},
    },
    "azure-native:containerservice:AgentPool": {
        **POOL,
        "resourceGroupName": "rg-a",
        "resourceName": "aks-a",
        "agentPoolName": "user",
    },
    "pulumi-python:dynamic/ml:Rollout": ROLLOUT,
}
VAULT, WORKSPACE = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-a", f"{GROUP}/providers/{ML}/workspaces/mlw-a"


def plan(if_held: str = "refuse") -> list[Resource]:
    """What is declared, with a guard before vault and workspace."""
    guards = [
        Resource(
            f"urn:pulumi:dev::mlops::{GUARD}::{one}",
            GUARD,
            {"resourceId": one, "ifHeld": if_held, "onDestroy": "purge"},
        )
        for one in (VAULT, WORKSPACE)
    ]
    return [*(Resource(f"urn:pulumi:dev::mlops::{kind}::x", kind, inputs) for kind, inputs in INPUTS.items()), *guards]


GUARD = "pulumi-python:dynamic/ml:SoftDeleteGuard"
NEEDS = Needs.of("dev", TENANT, "westeurope", ID, plan())
ML_HERE, COMPUTE_HERE = (f"{SCOPE}/providers/{one}/locations/westeurope" for one in (ML, "Microsoft.Compute"))
CHECKED = ("subscription", "permissions", "quota", "names", "deleted")
DELETED_VAULT = f"{SCOPE}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-a"


def usage(family: str, used: int, limit: int) -> dict[str, Any]:
    return {"name": {"value": family}, "currentValue": used, "limit": limit}


def size(name: str, family: str) -> dict[str, Any]:
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "family": family,
        "capabilities": [{"name": "vCPUs", "value": "4"}],
        "restrictions": [],
    }


def healthy() -> dict[str, Any]:
    """What a subscription answers in which all is well: documents by path; whatever is not here is not there."""
    kinds = [one.type.partition("/") for one in NEEDS.resources]
    providers = [
        {
            "namespace": namespace.upper(),
            "registrationState": "Registered",
            "resourceTypes": [
                {"resourceType": kind, "locations": ["West Europe", "North Europe"]}
                for owner, _, kind in kinds
                if owner == namespace
            ],
        }
        for namespace in NEEDS.namespaces
    ]
    checks = ("KeyVault/check", "Storage/check", "Sql/check", "Devices/checkProvisioningService")
    return {
        SCOPE: {"state": "Enabled", "displayName": "Team", "tenantId": TENANT},
        f"{SCOPE}/providers": {"value": providers},
        f"{SCOPE}/providers/Microsoft.Authorization/permissions": {"value": [{"actions": ["*"], "notActions": []}]},
        f"{ML_HERE}/vmSizes": {
            "value": [
                {"name": "Standard_DS3_v2", "family": "standardDSv2Family", "vCPUs": 4},
                {"name": "Standard_DS2_v2", "family": "standardDSv2Family", "vCPUs": 2},
            ]
        },
        f"{ML_HERE}/usages": {"value": [usage("Standard DSv2 Family Cluster Dedicated vCPUs", 0, 24)]},
        f"{SCOPE}/providers/Microsoft.Compute/skus": {"value": [size("Standard_D4ds_v5", "standardDDSv5Family")]},
        f"{COMPUTE_HERE}/usages": {"value": [usage("standardDDSv5Family", 4, 20)]},
        f"{SCOPE}/providers/{ML}/deletedWorkspaces": {"value": []},
        **{f"{SCOPE}/providers/Microsoft.{one}NameAvailability": {"nameAvailable": True} for one in checks},
    }


def azure(monkeypatch: pytest.MonkeyPatch, documents: Mapping[str, Any], needs: Needs = NEEDS) -> Subscription:
    """A subscription behind HTTP that answers so; an int is a refusal with that status."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["api-version"]
        found = {key.lower(): value for key, value in documents.items()}.get(request.url.path.lower(), 404)
        if isinstance(found, int):
            code = azure_checks.UNREGISTERED if found == 409 else "Refused"
            return httpx.Response(found, json={"error": {"code": code, "message": "no"}})
        return httpx.Response(200, json=found)

    monkeypatch.setattr(arm_module, "token", lambda scope: "t")
    client = Arm(PUBLIC)
    client.close()
    client._http = httpx.Client(base_url=PUBLIC.resource_manager, transport=httpx.MockTransport(answer))
    return Subscription(client, needs)


def wrong(found: Subscription) -> list[tuple[str, str, str]]:
    with manner(patience=0.0):
        findings = list(azure_checks.findings(found))
    return [(one.name.removeprefix("stack dev, "), one.said, one.fix) for one in findings if not one.well]


def test_a_subscription_in_which_all_is_well_has_a_word_of_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(azure_checks.findings(azure(monkeypatch, healthy())))
    assert [one.fix for one in found] == [""] * 7
    names = ("subscription", "providers", "regions", "permissions", "quota", "deleted", "names")
    assert [one.name for one in found] == [f"stack dev, {name}" for name in names]


def test_needs_are_read_from_the_plan_and_survive_the_way_to_another_process() -> None:
    assert Needs.read(NEEDS.text()) == NEEDS
    assert {one.namespace for one in NEEDS.resources} < {*NEEDS.namespaces}
    assert {"Microsoft.Compute", "Microsoft.ContainerInstance"} < {*NEEDS.namespaces}
    assert {
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        "Microsoft.Resources/subscriptions/resourceGroups/write",
        f"{ML}/workspaces/onlineEndpoints/deployments/write",
    } < {*NEEDS.actions}
    assert [(one.size, one.count) for one in NEEDS.machines] == [
        ("Standard_DS3_v2", 4.0),
        ("Standard_D4ds_v5", 4.0),
        ("Standard_DS2_v2", 2.4),
    ]


@pytest.mark.parametrize(
    ("path", "document", "check", "said", "fix"),
    [
        (SCOPE, 404, "subscription", "is not there", f"az login --tenant {TENANT}"),
        (SCOPE, {"state": "Disabled"}, "subscription", "is Disabled", "Microsoft.Subscription/enable"),
        (
            SCOPE,
            {"state": "Enabled", "tenantId": "other"},
            "subscription",
            "is in tenant other",
            "pulumi config set mlops:tenantId other --stack dev",
        ),
        (
            f"{SCOPE}/providers/Microsoft.Authorization/permissions",
            {"value": [{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}]},
            "permissions",
            "Microsoft.Authorization/roleAssignments/write",
            f'--role "Role Based Access Control Administrator" --scope {SCOPE}',
        ),
        (
            f"{SCOPE}/providers/Microsoft.Authorization/permissions",
            {"value": [{"actions": ["*/read", "Microsoft.Authorization/*"], "notActions": []}]},
            "permissions",
            "Microsoft.KeyVault/vaults/write",
            f'--role "Contributor" --scope {SCOPE}',
        ),
        (f"{SCOPE}/providers/Microsoft.Authorization/permissions", 403, "permissions", "cannot be read", "role Reader"),
        (f"{ML_HERE}/usages", 500, "quota", "cannot be read", "run `make doctor STACK=dev` again"),
        (
            f"{ML_HERE}/usages",
            {"value": [usage("standardDSv2Family", 4, 24)]},
            "quota",
            f"{ML} gives 24 of standardDSv2Family in westeurope, 4 in use; the stack needs 21",
            f"az quota update --resource-name standardDSv2Family --scope {ML_HERE} --limit-object value=25",
        ),
        (
            f"{ML_HERE}/usages",
            {"value": [usage("standardDSv2Family", 0, 24), usage("Total Cluster Dedicated Regional vCPUs", 9, 20)]},
            "quota",
            "gives 20 of TotalDedicatedCores in westeurope, 9 in use; the stack needs 21",
            "value=30",
        ),
        (
            f"{COMPUTE_HERE}/usages",
            {"value": [usage("standardDDSv5Family", 0, 99), usage("cores", 5, 20)]},
            "quota",
            "gives 20 of cores in westeurope, 5 in use; the stack needs 16",
            "az quota update --resource-name cores",
        ),
        (f"{COMPUTE_HERE}/usages", {"value": []}, "quota", "gives 0 of standardDDSv5Family", "value=16"),
        (
            f"{SCOPE}/providers/Microsoft.Compute/skus",
            {"value": [{**size("Standard_D4ds_v5", "f"), "restrictions": [{"type": "Location"}]}]},
            "quota",
            "westeurope has no Standard_D4ds_v5, of which user is to be",
            "az vm list-skus --location westeurope",
        ),
        (
            f"{SCOPE}/providers/Microsoft.Storage/checkNameAvailability",
            {"nameAvailable": False, "reason": "AlreadyExists", "message": "sta is already taken."},
            "names",
            "Microsoft.Storage/storageAccounts sta cannot be had: sta is already taken",
            "pulumi config set mlops:nameSalt <a word> --stack dev",
        ),
        (
            f"{SCOPE}/providers/Microsoft.Sql/checkNameAvailability",
            {"available": False, "reason": "AlreadyExists"},
            "names",
            "Microsoft.Sql/servers sql-a cannot be had: AlreadyExists",
            "nameSalt",
        ),
        (
            f"{SCOPE}/providers/Microsoft.Sql/checkNameAvailability",
            409,
            "names",
            "cannot be read",
            "register the providers",
        ),
        (
            DELETED_VAULT,
            {"properties": {"location": "westeurope"}},
            "deleted",
            "a deleted vault holds the name kv-a, and mlops:softDelete.vault is refuse",
            "pulumi config set --path mlops:softDelete.vault recover --stack dev; or pulumi config set --path "
            "mlops:softDelete.vault purge --stack dev; or pulumi config set mlops:nameSalt",
        ),
        (
            DELETED_VAULT,
            {"properties": {"location": "westeurope", "purgeProtectionEnabled": True, "scheduledPurgeDate": "2027"}},
            "deleted",
            "until 2027 and is protected from purging, and mlops:softDelete.vault is refuse",
            "mlops:softDelete.vault recover --stack dev; or pulumi config set mlops:nameSalt",
        ),
        (
            DELETED_VAULT,
            {"properties": {"vaultId": VAULT.replace("rg-a", "rg-b")}},
            "deleted",
            "and was another stack's: " + VAULT.replace("rg-a", "rg-b"),
            "pulumi config set mlops:nameSalt",
        ),
        (
            f"{SCOPE}/providers/{ML}/deletedWorkspaces",
            {"value": [{"name": "mlw-a"}]},
            "deleted",
            "a deleted workspace holds the name mlw-a, and mlops:softDelete.workspace is refuse",
            "pulumi config set --path mlops:softDelete.workspace purge --stack dev; or",
        ),
    ],
    ids=lambda value: value if value in CHECKED else "",
)
def test_a_planted_problem_is_the_only_one_found(
    path: str, document: Any, check: str, said: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = wrong(azure(monkeypatch, {**healthy(), path: document}))
    assert found[0] == check
    assert said in found[1]
    assert fix in found[2]


@pytest.mark.parametrize(
    ("if_held", "protected", "said", "fix"),
    [
        ("recover", True, "`up` recovers it, because mlops:softDelete.vault is recover", ""),
        ("purge", False, "`up` purges it, because mlops:softDelete.vault is purge", ""),
        ("purge", True, "is protected from purging, and mlops:softDelete.vault is purge", "vault recover --stack dev"),
    ],
)
def test_a_held_name_is_no_problem_where_the_stack_says_what_to_do(
    if_held: str, protected: bool, said: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = {**healthy(), DELETED_VAULT: {"properties": {"vaultId": VAULT, "purgeProtectionEnabled": protected}}}
    found = azure(monkeypatch, documents, Needs.of("dev", TENANT, "westeurope", ID, plan(if_held)))
    with manner(patience=0.0):
        (finding,) = azure_checks.deleted(found)
    assert said in finding.said
    assert (fix in finding.fix, finding.well) == (True, not fix)


def test_a_role_on_the_group_alone_purges_no_vault(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "providers/Microsoft.Authorization/permissions"
    everything, reader = {"value": [{"actions": ["*"]}]}, {"value": [{"actions": ["*/read"], "notActions": []}]}
    documents = {GROUP: {"id": GROUP}, f"{GROUP}/{path}": everything, f"{SCOPE}/{path}": reader}
    (found,) = wrong(azure(monkeypatch, {**healthy(), **documents}))
    assert found[0] == "permissions"
    assert found[1].startswith("1 of 18 actions are not allowed on " + SCOPE + ": ")
    assert found[1].endswith(": Microsoft.KeyVault/locations/deletedVaults/purge/action")
    assert f'--role "Key Vault Purge Operator" --scope {SCOPE}' in found[2]


def test_a_provider_that_is_not_registered_and_a_region_without_a_type_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    documents = healthy()
    for one in documents[f"{SCOPE}/providers"]["value"]:
        if one["namespace"] == "MICROSOFT.SQL":
            one["registrationState"] = "NotRegistered"
            one["resourceTypes"][0]["locations"] = ["North Europe", "East US"]
    unregistered, elsewhere = wrong(azure(monkeypatch, documents))
    assert unregistered[1:] == (
        "not registered in the subscription: Microsoft.Sql",
        f"az provider register --namespace Microsoft.Sql --subscription {ID} --wait",
    )
    assert elsewhere[1] == "westeurope does not offer Microsoft.Sql/servers"
    assert elsewhere[2] == "pulumi config set mlops:location <one of eastus, northeurope> --stack dev"


def test_what_the_stack_has_already_is_no_clash_and_asks_for_no_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {
        f"{SCOPE}/providers/Microsoft.Storage/checkNameAvailability": {"nameAvailable": False},
        f"{ML_HERE}/usages": {"value": [usage("standardDSv2Family", 20, 24)]},
        f"{GROUP}/providers/Microsoft.Authorization/permissions": {"value": [{"actions": ["*"]}]},
        f"{SCOPE}/providers/Microsoft.Authorization/permissions": {"value": [{"actions": [f"{DELETED_VAULTS}/*"]}]},
    }
    assert [one[0] for one in wrong(azure(monkeypatch, {**healthy(), **taken}))] == ["permissions", "quota", "names"]
    unknown = dict.fromkeys((one.id for one in NEEDS.resources), 409)
    assert [one[0] for one in wrong(azure(monkeypatch, {**healthy(), **unknown}))] == []
    own = {one.id: {"id": one.id} for one in NEEDS.resources}
    assert wrong(azure(monkeypatch, {**healthy(), **taken, **own})) == []


def test_a_subscription_that_lists_no_deleted_workspaces_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = {**healthy(), f"{SCOPE}/providers/{ML}/deletedWorkspaces": 404}
    assert wrong(azure(monkeypatch, documents)) == []


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (401, f"az login --tenant {TENANT}"),
        (0, "look at the network"),
        (403, "az role assignment create --role Reader"),
    ],
)
def test_without_a_login_there_is_one_finding_and_no_traceback(
    status: int, fix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*words: Any, **query: Any) -> None:
        raise CloudError("not signed in", status=status)

    monkeypatch.setattr(Arm, "peek", refuse)
    monkeypatch.setattr(subscription, "arm", lambda: Arm(PUBLIC))
    monkeypatch.setattr(sys, "stdin", io.StringIO(replace(NEEDS, resources=()).text()))
    subscription.main()
    (found,) = (Finding(**one) for one in json.loads(capsys.readouterr().out))
    assert found.said == "cannot be read: not signed in"
    assert fix in found.fix
