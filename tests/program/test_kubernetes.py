"""The part `kubernetes`: who gets in, what its nodes are, and what production has more."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from infra.kubernetes import DNS_SERVICE_IP, POD_CIDR, SERVICE_CIDR, disk_type
from tests.program.parts import HYBRID, ID, PRIVATE, PRODUCTION, build, one, refused, roles
from tests.program.recorder import Recording, Registered

CLUSTER, POOL = "containerservice:ManagedCluster", "containerservice:AgentPool"
PROFILES: dict[str, dict[str, Any]] = {"open": {}, "hybrid": HYBRID, "private": PRIVATE}


def aks(**changed: Any) -> Recording:
    return build("kubernetes", **changed)


def pools(recording: Recording) -> dict[str, dict[str, Any]]:
    system = one(recording, CLUSTER).inputs["agentPoolProfiles"][0]
    others = {pool.inputs["agentPoolName"]: pool.inputs for pool in recording.of_type(f"azure-native:{POOL}")}
    return {system["name"]: system, **others}


@pytest.fixture(params=PROFILES)
def cluster(request: pytest.FixtureRequest) -> Registered:
    return one(aks(**PROFILES[request.param]), CLUSTER)


def test_only_entra_opens_it(cluster: Registered) -> None:
    given = cluster.inputs
    assert given["disableLocalAccounts"] is True
    assert given["enableRBAC"] is True
    assert given["aadProfile"] == {
        "managed": True,
        "enableAzureRBAC": True,
        "adminGroupObjectIDs": [ID],
        "tenantID": ID,
    }
    assert given["apiServerAccessProfile"]["disableRunCommand"] is True


def test_pods_sign_in_without_a_secret(cluster: Registered) -> None:
    assert cluster.inputs["oidcIssuerProfile"] == {"enabled": True}
    assert cluster.inputs["securityProfile"]["workloadIdentity"] == {"enabled": True}


def test_pods_are_kept_apart_by_cilium(cluster: Registered) -> None:
    network = cluster.inputs["networkProfile"]
    shape = [network[key] for key in ("networkPlugin", "networkPluginMode", "networkDataplane", "networkPolicy")]
    assert shape == ["azure", "overlay", "cilium", "cilium"]


def test_its_ranges_are_no_ones_else() -> None:
    """Neither of the stack's own network, whatever its range, by default, nor of each other, nor Azure's own."""
    ranges = [ipaddress.IPv4Network(one) for one in (POD_CIDR, SERVICE_CIDR, "10.40.0.0/20", "172.30.0.0/15")]
    assert not any(a.overlaps(b) for a in ranges for b in ranges if a is not b)
    assert ipaddress.IPv4Address(DNS_SERVICE_IP) in ranges[1]


def test_hardening_is_on_everywhere(cluster: Registered) -> None:
    addons = cluster.inputs["addonProfiles"]
    assert addons["azurepolicy"] == {"enabled": True}
    assert addons["azureKeyvaultSecretsProvider"]["config"]["enableSecretRotation"] == "true"
    assert addons["omsagent"]["config"]["useAADAuth"] == "true"
    security = cluster.inputs["securityProfile"]
    assert security["imageCleaner"]["enabled"] is True
    logs = addons["omsagent"]["config"]["logAnalyticsWorkspaceResourceID"]
    assert security["defender"]["logAnalyticsWorkspaceResourceId"] == logs
    assert cluster.inputs["nodeResourceGroupProfile"] == {"restrictionLevel": "ReadOnly"}
    assert cluster.inputs["autoUpgradeProfile"] == {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "NodeImage"}


@pytest.mark.parametrize("profile", PROFILES)
def test_what_nodes_and_containers_say_reaches_the_stacks_workspace(profile: str) -> None:
    """The agent signs in by itself, finds the one association of its name, and in its rule the source of that name."""
    stack = aks(kubernetes={"insightsMinutes": 10}, **PROFILES[profile])
    cluster, association = (one(stack, kind) for kind in (CLUSTER, "monitor:DataCollectionRuleAssociation"))
    rule = one(stack, "monitor:DataCollectionRule").inputs
    addon = cluster.inputs["addonProfiles"]["omsagent"]
    assert addon["config"]["useAADAuth"] == "true"
    assert association.inputs["associationName"] == "ContainerInsightsExtension"
    assert association.inputs["resourceUri"].endswith(f"/managedClusters/{cluster.inputs['resourceName']}")
    assert association.inputs["dataCollectionRuleId"].endswith(f"/{rule['dataCollectionRuleName']}")
    (source,) = rule["dataSources"]["extensions"]
    assert (source["name"], source["extensionName"]) == ("ContainerInsightsExtension", "ContainerInsights")
    settings = source["extensionSettings"]["dataCollectionSettings"]
    assert (settings["interval"], settings["enableContainerLogV2"]) == ("10m", True)
    (destination,) = rule["destinations"]["logAnalytics"]
    assert destination["workspaceResourceId"] == addon["config"]["logAnalyticsWorkspaceResourceID"]
    (flow,) = rule["dataFlows"]
    assert (flow["streams"], flow["destinations"]) == (source["streams"], [destination["name"]])


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_pool_grows_and_shrinks_on_a_supported_image(environment: str) -> None:
    found = pools(aks(environment=environment, kubernetes={"gpu": {"maxNodes": 2}}))
    assert list(found) == ["system", "user", "gpu"]
    for pool in found.values():
        assert pool["enableAutoScaling"] is True
        assert pool["count"] == pool["minCount"] <= pool["maxCount"]
        assert pool["osSKU"] == "AzureLinux3"
        assert pool["enableEncryptionAtHost"] is True
        assert pool["enableNodePublicIP"] is False
    assert found["system"]["nodeTaints"] == ["CriticalAddonsOnly=true:NoSchedule"]
    assert found["gpu"]["nodeTaints"] == ["sku=gpu:NoSchedule"]
    assert found["gpu"]["minCount"] == 0
    assert (found["system"]["osDiskType"], found["gpu"]["osDiskType"]) == ("Ephemeral", "Managed")


def test_production_outlives_a_zone_and_dev_is_cheap() -> None:
    dev, prod = aks(), aks(**PRODUCTION)
    assert [one(stack, CLUSTER).inputs["sku"]["tier"] for stack in (dev, prod)] == ["Free", "Standard"]
    assert {name: pool["minCount"] for name, pool in pools(dev).items()} == {"system": 1, "user": 0}
    assert {name: pool["minCount"] for name, pool in pools(prod).items()} == {"system": 3, "user": 2}
    assert all(pool["availabilityZones"] == ["1", "2", "3"] for pool in pools(prod).values())
    assert not any("availabilityZones" in pool for pool in pools(dev).values())


def api_server(**changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = one(aks(**changed), CLUSTER).inputs["apiServerAccessProfile"]
    return given


def test_hybrid_lets_listed_addresses_in_and_an_empty_list_nobody() -> None:
    assert "authorizedIPRanges" not in api_server()
    assert api_server(**HYBRID)["authorizedIPRanges"] == ["8.8.8.0/24", "1.2.3.4/32"]
    assert api_server(networkProfile="hybrid")["authorizedIPRanges"] == ["0.0.0.0/32"]


def test_private_has_no_public_name_and_stands_in_the_stacks_network() -> None:
    stack = aks(**PRIVATE)
    given = one(stack, CLUSTER).inputs
    server = given["apiServerAccessProfile"]
    assert (server["enablePrivateCluster"], server["enablePrivateClusterPublicFQDN"]) == (True, False)
    assert given["networkProfile"]["outboundType"] == "userAssignedNATGateway"
    (subnet,) = {pool["vnetSubnetID"] for pool in pools(stack).values()}
    assert subnet.endswith("/subnets/kubernetes")
    assert ("NETWORK_CONTRIBUTOR", "subnets") in roles(stack, "kubernetes-identity")


def test_its_identities_may_do_no_more_than_they_must() -> None:
    stack = aks()
    assert roles(stack, "kubernetes-identity") == {("MANAGED_IDENTITY_OPERATOR", "userAssignedIdentities")}
    assert roles(stack, "kubelet-identity") == {("ACR_PULL", "registries")}
    before = stack.before(one(stack, CLUSTER))
    assert any(urn.endswith("::kubernetes-identity-kubelet-managed-identity-operator") for urn in before)
    assert ("AKS_CLUSTER_USER", "managedClusters") in roles(stack, "deployers-on-kubernetes")


def test_what_azure_changes_by_itself_is_no_difference() -> None:
    stack = aks()
    assert one(stack, CLUSTER).ignore_changes == {"agentPoolProfiles[0].count"}
    assert one(stack, POOL).ignore_changes == {"count"}


def test_nodes_restart_in_the_window_only() -> None:
    stack = aks(kubernetes={"maintenance": {"day": "Saturday", "start": "23:30", "hours": 6, "utcOffset": "+01:00"}})
    found = {
        one.inputs["configName"]: one.inputs["maintenanceWindow"]
        for one in stack.of_type("azure-native:containerservice:MaintenanceConfiguration")
    }
    assert set(found) == {"aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"}
    for window in found.values():
        assert window["schedule"]["weekly"]["dayOfWeek"] == "Saturday"
        assert (window["startTime"], window["durationHours"], window["utcOffset"]) == ("23:30", 6, "+01:00")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("Standard_D4ds_v5", "Ephemeral"),
        ("Standard_E8-4ads_v5", "Ephemeral"),
        ("Standard_NC24ads_A100_v4", "Ephemeral"),
        ("Standard_D4s_v5", "Managed"),
        ("Standard_DS3_v2", "Managed"),
        ("Standard_NC4as_T4_v3", "Managed"),
        ("Standard_B4ms", "Managed"),
    ],
)
def test_the_operating_system_lies_on_a_local_disk_where_there_is_one(size: str, expected: str) -> None:
    assert disk_type(size) == expected


@pytest.mark.parametrize(
    ("kubernetes", "expected"),
    [
        ({"version": "1.33"}, "mlops:kubernetes.version"),
        ({"version": "1.36.2"}, "mlops:kubernetes.version"),
        ({"user": {"minNodes": 5}}, "minNodes 5 is above maxNodes 3; raise maxNodes"),
        ({"system": {"minNodes": 0}}, "mlops:kubernetes.system.minNodes"),
        ({"gpu": {"vmSize": "Standard_D4ds_v5"}}, "virtual machine size with a GPU"),
        ({"maintenance": {"start": "24:00"}}, "mlops:kubernetes.maintenance.start"),
        ({"insightsMinutes": 0}, "mlops:kubernetes.insightsMinutes"),
        ({"versoin": "1.36"}, "Did you mean version?"),
    ],
)
def test_wrong_settings_are_named_with_the_fix(kubernetes: dict[str, Any], expected: str) -> None:
    assert expected in refused(platform=["kubernetes"], kubernetes=kubernetes)
