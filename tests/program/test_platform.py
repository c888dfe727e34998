"""The platform as an engine would get it: security, roles, what is shown (`test_held_to_azure.py`: names, order)."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pulumi
import pytest

from infra.permissions import TABLE
from infra.platform import Platform
from infra.role_assignments import Role
from infra.settings import Settings
from ml.recipes.soft_delete import guard
from tests.program.azure.access import SECRET_SHAPES
from tests.program.azure.stacks import AZURE
from tests.program.recorder import ROOT, Recording, Registered, run, stack_config

ID = "11111111-2222-3333-4444-555555555555"
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "local": stack_config("local"),
    "dev": AZURE,
    "hybrid": AZURE | {"networkProfile": "hybrid", "allowedAddresses": ["8.8.8.0/24", "1.2.3.4"]},
    "private": AZURE | {"networkProfile": "private"},
    "prod": AZURE | {"environment": "prod", "networkProfile": "hybrid", "storage": {"redundancy": "Standard_ZRS"}},
}


def program() -> None:
    platform = Platform("platform", Settings.load(), guard)
    pulumi.export("platform", platform.outputs)


@cache
def build(name: str, *, preview: bool = True) -> Recording:
    """One run for all tests that only look at it: a run takes most of a second."""
    return run(program, CONFIGURATIONS[name], stack=name, preview=preview)


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def platform(request: pytest.FixtureRequest) -> Recording:
    return build(request.param)


@pytest.fixture(scope="module")
def local() -> Recording:
    return build("local")


def one(recording: Recording, kind: str) -> Registered:
    (found,) = recording.of_type(f"azure-native:{kind}")
    return found


def test_every_resource_has_a_component_as_parent(platform: Recording) -> None:
    components = {resource.urn for resource in platform.resources if not resource.custom}
    for resource in platform.resources:
        if resource.type.startswith(("mlops:platform:", "pulumi:providers:")):
            continue
        assert resource.parent in components, resource.name


def test_components_have_type_tokens_of_the_project_and_register_outputs(platform: Recording) -> None:
    for component in (resource for resource in platform.resources if not resource.custom):
        assert re.fullmatch(r"mlops:[a-z]+:[A-Z]\w+", component.type)
        assert component.urn in platform.outputs


def test_one_explicit_provider_serves_the_configured_subscription(platform: Recording) -> None:
    (provider,) = platform.of_type("pulumi:providers:azure-native")
    group = one(platform, "resources:ResourceGroup")
    assert group.provider.startswith(f"{provider.urn}::")
    assert {resource.provider for resource in platform.azure} == {group.provider}
    scope = one(platform, "machinelearningservices:Workspace").inputs["storageAccount"]
    assert scope.startswith(f"/subscriptions/{provider.inputs['subscriptionId']}/")


def test_no_key_opens_a_storage_account(platform: Recording) -> None:
    accounts = platform.of_type("azure-native:storage:StorageAccount")
    assert {account.inputs["isHnsEnabled"] for account in accounts} == {True, False}
    for account in accounts:
        assert account.inputs["allowSharedKeyAccess"] is False
        assert account.inputs["allowBlobPublicAccess"] is False
        assert account.inputs["isLocalUserEnabled"] is False
        assert account.inputs["minimumTlsVersion"] == "TLS1_2"
        assert account.inputs["enableHttpsTrafficOnly"] is True
    for service in platform.of_type("azure-native:storage:BlobServiceProperties"):
        assert service.inputs["deleteRetentionPolicy"]["enabled"] is True
        assert service.inputs["containerDeleteRetentionPolicy"]["enabled"] is True
    for container in platform.of_type("azure-native:storage:BlobContainer"):
        assert container.inputs["publicAccess"] == "None"


def test_only_the_flat_account_keeps_versions_and_lets_them_expire(local: Recording) -> None:
    versioned = {
        service.inputs["accountName"]: service.inputs["isVersioningEnabled"]
        for service in local.of_type("azure-native:storage:BlobServiceProperties")
    }
    flat = next(a for a in local.of_type("azure-native:storage:StorageAccount") if not a.inputs["isHnsEnabled"])
    assert [account for account, keeps in versioned.items() if keeps] == [flat.inputs["accountName"]]
    policy = one(local, "storage:ManagementPolicy").inputs
    assert policy["accountName"] == flat.inputs["accountName"]
    (rule,) = policy["policy"]["rules"]
    assert rule["definition"]["actions"]["version"]["delete"] == {"daysAfterCreationGreaterThan": 7}


def test_services_refuse_keys_and_passwords(platform: Recording) -> None:
    assert one(platform, "keyvault:Vault").inputs["properties"]["enableRbacAuthorization"] is True
    registry = one(platform, "containerregistry:Registry").inputs
    assert (registry["adminUserEnabled"], registry["anonymousPullEnabled"]) == (False, False)
    insights = one(platform, "applicationinsights:Component")
    assert insights.inputs["disableLocalAuth"] is True
    assert insights.secret_outputs == {"connectionString", "instrumentationKey"}
    assert one(platform, "operationalinsights:Workspace").inputs["features"]["disableLocalAuth"] is True
    workspace = one(platform, "machinelearningservices:Workspace").inputs
    assert workspace["systemDatastoresAuthMode"] == "Identity"
    assert workspace["v1LegacyMode"] is False
    cluster = one(platform, "machinelearningservices:Compute").inputs["properties"]
    assert cluster["disableLocalAuth"] is True
    assert cluster["properties"]["remoteLoginPortPublicAccess"] == "Disabled"
    assert cluster["properties"]["scaleSettings"]["minNodeCount"] == 0
    for datastore in platform.of_type("azure-native:machinelearningservices:Datastore"):
        assert datastore.inputs["properties"]["credentials"] == {"credentialsType": "None"}


@pytest.mark.parametrize(("name", "days", "protection"), [("dev", 7, None), ("prod", 90, True)])
def test_vault_can_be_purged_outside_production_only(name: str, days: int, protection: bool | None) -> None:
    properties = one(build(name), "keyvault:Vault").inputs["properties"]
    assert properties["softDeleteRetentionInDays"] == days
    assert properties.get("enablePurgeProtection") is protection


@pytest.mark.parametrize(
    ("name", "action"), [("local", "Allow"), ("dev", "Allow"), ("hybrid", "Deny"), ("prod", "Deny")]
)
def test_network_profile_drives_every_firewall(name: str, action: str) -> None:
    recording = build(name)
    for account in recording.of_type("azure-native:storage:StorageAccount"):
        assert account.inputs["networkRuleSet"]["defaultAction"] == action
    assert one(recording, "keyvault:Vault").inputs["properties"]["networkAcls"]["defaultAction"] == action
    registry = one(recording, "containerregistry:Registry").inputs
    assert registry.get("networkRuleSet", {"defaultAction": "Allow"})["defaultAction"] == action
    assert registry["sku"]["name"] == {"Allow": "Standard", "Deny": "Premium"}[action]
    workspace = one(recording, "machinelearningservices:Workspace").inputs
    assert ("managedNetwork" in workspace, "imageBuildCompute" in workspace) == (action == "Deny",) * 2
    cluster = one(recording, "machinelearningservices:Compute").inputs["properties"]["properties"]
    assert cluster["enableNodePublicIp"] is (action == "Allow")


def test_behind_a_firewall_jobs_still_reach_every_data_service() -> None:
    recording = build("hybrid")
    rules = one(recording, "machinelearningservices:Workspace").inputs["managedNetwork"]["outboundRules"].values()
    reached = {
        (rule["destination"]["serviceResourceId"].rsplit("/", 1)[1], rule["destination"]["subresourceTarget"])
        for rule in rules
    }
    closed = recording.of_type("azure-native:storage:StorageAccount")
    flat, lake = sorted(closed, key=lambda account: account.inputs["isHnsEnabled"])
    assert reached == {
        (flat.inputs["accountName"], "blob"),
        (flat.inputs["accountName"], "file"),
        (lake.inputs["accountName"], "blob"),
        (lake.inputs["accountName"], "dfs"),
        (one(recording, "keyvault:Vault").inputs["vaultName"], "vault"),
        (one(recording, "containerregistry:Registry").inputs["registryName"], "registry"),
    }


def test_roles_are_few_and_narrow(platform: Recording) -> None:
    group = one(platform, "resources:ResourceGroup").inputs["resourceGroupName"]
    for assignment in platform.of_type("azure-native:authorization:RoleAssignment"):
        given = assignment.inputs
        assert Role(given["roleDefinitionId"].rsplit("/", 1)[1])
        assert re.match(rf"/subscriptions/[^/]+/resourceGroups/{group}/providers/.+", given["scope"])
        assert given["principalType"] in ("ServicePrincipal", "Group")
        assert assignment.delete_before_replace
        assert "principalId" in assignment.replace_on_changes


def test_who_gives_roles_gives_those_of_the_table_only() -> None:
    owner, user_access_administrator = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
    assert {owner, user_access_administrator}.isdisjoint(role.value for role in Role)
    assert [line.who for line in TABLE if line.role is Role.RBAC_ADMINISTRATOR] == ["pipelines"]
    assert all(line.table_only == (line.role is Role.RBAC_ADMINISTRATOR) for line in TABLE)


def grants(recording: Recording, principal: str) -> set[tuple[str, str]]:
    """(role, last two words of the scope) of one principal's assignments."""
    return {
        (Role(a.inputs["roleDefinitionId"].rsplit("/", 1)[1]).name, "/".join(a.inputs["scope"].rsplit("/", 2)[1:]))
        for a in recording.of_type("azure-native:authorization:RoleAssignment")
        if a.parent.endswith(f"::{principal}")
    }


def test_jobs_may_read_raw_data_but_not_change_it(local: Recording) -> None:
    given = {(role, scope) for role, scope in grants(local, "compute-identity") if scope.startswith("containers/")}
    assert given == {
        ("STORAGE_BLOB_DATA_READER", "containers/raw"),
        ("STORAGE_BLOB_DATA_CONTRIBUTOR", "containers/curated"),
    }


def test_scoring_servers_write_nothing_but_telemetry(local: Recording) -> None:
    assert {role for role, _ in grants(local, "endpoint-identity")} == {
        "ACR_PULL",
        "STORAGE_BLOB_DATA_READER",
        "MONITORING_METRICS_PUBLISHER",
    }


def test_assignment_names_are_the_same_at_each_run_and_differ_between_stacks(local: Recording) -> None:
    def names(recording: Recording) -> list[str]:
        return sorted(
            a.inputs["roleAssignmentName"] for a in recording.of_type("azure-native:authorization:RoleAssignment")
        )

    assert names(local) == names(run(program, CONFIGURATIONS["local"], stack="local"))
    assert len(set(names(local))) == len(names(local))
    assert set(names(local)).isdisjoint(names(build("dev")))


def test_workspace_and_cluster_wait_for_their_roles(local: Recording) -> None:
    assignments = local.of_type("azure-native:authorization:RoleAssignment")
    workspace = one(local, "machinelearningservices:Workspace")
    needed = {a.urn for a in assignments if a.parent.endswith("::workspace-identity")}
    assert needed
    assert needed <= workspace.depends_on
    cluster = one(local, "machinelearningservices:Compute")
    needed = {a.urn for a in assignments if a.parent.endswith("::compute-identity")}
    assert needed
    assert needed <= cluster.depends_on


@pytest.mark.parametrize("name", ["local", "hybrid"])
def test_stack_shows_names_and_no_secret(name: str) -> None:
    recording = build(name, preview=False)
    text = json.dumps(recording.outputs)
    assert not SECRET_SHAPES.search(text)
    shown = recording.exports["platform"]
    assert shown["cloud"] == CONFIGURATIONS[name]["cloud"]
    assert shown["workspace"] == one(recording, "machinelearningservices:Workspace").inputs["workspaceName"]
    assert shown["registry"] == "registry.example"


def test_secret_shapes_are_recognised() -> None:
    for secret in (
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc",
        "InstrumentationKey=00000000-0000-0000-0000-000000000000",
        "https://a.blob.example/c?sv=2024&sig=abc",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
        "T2ggbm8sIGEgc3RvcmFnZSBhY2NvdW50IGtleSBpbiB0aGUgb3V0cHV0cw==",
    ):
        assert SECRET_SHAPES.search(secret)


def test_cloud_changes_nothing_but_what_is_shown() -> None:
    def inputs(recording: Recording) -> dict[str, str]:
        return {r.urn: json.dumps(r.inputs, sort_keys=True, default=lambda _: "unknown") for r in recording.resources}

    assert inputs(run(program, AZURE | {"cloud": "emulator"}, stack="dev")) == inputs(build("dev"))


def test_logical_names_are_those_the_states_know(local: Recording) -> None:
    """A renamed resource is a deleted one and a new one. Change the list only with a line in infra/former_names.py."""
    urns = sorted(resource.urn.split("::", 2)[2].removeprefix("pulumi:pulumi:Stack$") for resource in local.resources)
    committed = (ROOT / "tests" / "program" / "platform_urns.txt").read_text().splitlines()
    assert urns == committed


def test_logical_names_are_the_same_in_every_stack(local: Recording) -> None:
    def names(recording: Recording) -> set[tuple[str, str]]:
        return {(resource.type, resource.name) for resource in recording.resources}

    assert names(build("dev")) == names(local)
