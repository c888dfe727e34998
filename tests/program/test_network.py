"""The profile `private`: a network of the stack's own, and a private endpoint for every service that can have one."""

from __future__ import annotations

import ipaddress
from itertools import combinations

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.address_plan import LARGEST, PARTS, PLAN, SMALLEST, Purpose
from infra.private_endpoints import DOORS, wanted
from infra.resource_id import type_of
from infra.role_assignments import Scope
from tests.program.azure.stacks import AZURE, main
from tests.program.recorder import Recording, Registered, run
from tests.program.test_platform import build, one, program

PRIVATE = AZURE | {"networkProfile": "private"}
HUB = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-dns"
PUBLISHED = {
    ("registries", "registry"): {"privatelink.azurecr.io"},
    ("vaults", "vault"): {"privatelink.vaultcore.azure.net"},
    ("storageAccounts", "blob"): {"privatelink.blob.core.windows.net"},
    ("storageAccounts", "file"): {"privatelink.file.core.windows.net"},
    ("storageAccounts", "dfs"): {"privatelink.dfs.core.windows.net"},
    ("workspaces", "amlworkspace"): {"privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"},
}
"""What stands in Azure's own table, written down a second time: a slip in the program's must not agree with itself."""


def network(recording: Recording, kind: str) -> list[Registered]:
    return recording.of_type(f"azure-native:network:{kind}")


def connection(endpoint: Registered) -> tuple[str, str]:
    """(id of the service, group id)."""
    (found,) = endpoint.inputs["privateLinkServiceConnections"]
    (group_id,) = found["groupIds"]
    return found["privateLinkServiceId"], group_id


def zones_by_endpoint(recording: Recording) -> dict[str, set[str]]:
    return {
        group.inputs["privateEndpointName"]: {
            config["privateDnsZoneId"].rpartition("/")[2] for config in group.inputs["privateDnsZoneConfigs"]
        }
        for group in network(recording, "PrivateDnsZoneGroup")
    }


def test_group_id_zones_and_subnet_of_each_endpoint_belong_together() -> None:
    recording = build("private")
    zones = zones_by_endpoint(recording)
    endpoints = network(recording, "PrivateEndpoint")
    found = set()
    for endpoint in endpoints:
        target, group_id = connection(endpoint)
        key = (type_of(target).rpartition("/")[2], group_id)
        assert zones.pop(endpoint.inputs["privateEndpointName"]) == PUBLISHED[key]
        assert endpoint.inputs["subnet"]["id"].endswith("/subnets/endpoints")
        found.add(key)
    assert not zones
    assert found == set(PUBLISHED)


def test_every_zone_in_use_is_made_and_linked_to_the_network_before_names_go_into_it() -> None:
    recording = build("private")
    made = {
        zone.inputs["privateZoneName"]: zone.urn for zone in recording.of_type("azure-native:privatedns:PrivateZone")
    }
    (own,) = network(recording, "VirtualNetwork")
    links = {}
    for link in recording.of_type("azure-native:privatedns:VirtualNetworkLink"):
        assert link.inputs["virtualNetwork"]["id"].endswith(f"/virtualNetworks/{own.inputs['virtualNetworkName']}")
        assert link.inputs["registrationEnabled"] is False
        links[link.inputs["privateZoneName"]] = link.urn
    assert set(links) == set(made) == {zone for zones in zones_by_endpoint(recording).values() for zone in zones}
    for group in network(recording, "PrivateDnsZoneGroup"):
        for zone in zones_by_endpoint(recording)[group.inputs["privateEndpointName"]]:
            assert {made[zone], links[zone]} <= recording.before(group)


def test_every_service_with_a_door_has_an_endpoint_in_private_and_no_stack_else_has_any() -> None:
    recording = build("private")
    reached = {connection(endpoint)[0] for endpoint in network(recording, "PrivateEndpoint")}
    names = {account.inputs["accountName"] for account in recording.of_type("azure-native:storage:StorageAccount")}
    names |= {
        one(recording, "keyvault:Vault").inputs["vaultName"],
        one(recording, "containerregistry:Registry").inputs["registryName"],
        one(recording, "machinelearningservices:Workspace").inputs["workspaceName"],
    }
    assert {target.rpartition("/")[2] for target in reached} == names
    for other in ("local", "dev", "hybrid", "prod"):
        assert not [resource for resource in build(other).azure if ":network:" in resource.type]
        assert not [resource for resource in build(other).azure if ":privatedns:" in resource.type]


def test_nothing_answers_from_outside() -> None:
    recording = build("private")
    for kind in ("storage:StorageAccount", "containerregistry:Registry", "machinelearningservices:Workspace"):
        for resource in recording.of_type(f"azure-native:{kind}"):
            assert resource.inputs["publicNetworkAccess"] == "Disabled", resource.name
    assert one(recording, "keyvault:Vault").inputs["properties"]["publicNetworkAccess"] == "Disabled"
    assert one(recording, "containerregistry:Registry").inputs["dataEndpointEnabled"] is True
    assert "dataEndpointEnabled" not in one(build("hybrid"), "containerregistry:Registry").inputs


def test_jobs_reach_approved_hosts_only_in_private_and_the_internet_in_hybrid() -> None:
    private = one(build("private"), "machinelearningservices:Workspace").inputs
    hybrid = one(build("hybrid"), "machinelearningservices:Workspace").inputs
    assert private["managedNetwork"]["isolationMode"] == "AllowOnlyApprovedOutbound"
    assert hybrid["managedNetwork"]["isolationMode"] == "AllowInternetOutbound"
    assert private["provisionNetworkNow"] is hybrid["provisionNetworkNow"] is True
    assert "provisionNetworkNow" not in one(build("dev"), "machinelearningservices:Workspace").inputs
    rules = private["managedNetwork"]["outboundRules"].values()
    hosts = {rule["destination"] for rule in rules if rule["type"] == "FQDN"}
    assert hosts == {"pypi.org", "*.pythonhosted.org", "*.anaconda.com", "*.anaconda.org"}
    assert private["managedNetwork"]["firewallSku"] == "Basic"
    endpoints = {name for name, rule in private["managedNetwork"]["outboundRules"].items() if rule["type"] != "FQDN"}
    assert endpoints == set(hybrid["managedNetwork"]["outboundRules"])


def test_no_firewall_is_paid_for_where_no_host_is_approved() -> None:
    recording = run(program, PRIVATE | {"network": {"approvedHosts": []}}, stack="dev")
    managed = one(recording, "machinelearningservices:Workspace").inputs["managedNetwork"]
    assert "firewallSku" not in managed
    assert {rule["type"] for rule in managed["outboundRules"].values()} == {"PrivateEndpoint"}


def test_every_subnet_is_guarded_and_none_has_a_default_way_out() -> None:
    recording = build("private")
    groups = {g.inputs["networkSecurityGroupName"]: g for g in network(recording, "NetworkSecurityGroup")}
    subnets = network(recording, "Subnet")
    assert {subnet.inputs["subnetName"] for subnet in subnets} == {"endpoints", "containers", "builds"}
    for subnet in subnets:
        assert subnet.inputs["defaultOutboundAccess"] is False
        assert subnet.inputs["privateEndpointNetworkPolicies"] == "Enabled"
        assert subnet.inputs["networkSecurityGroup"]["id"].rpartition("/")[2] in groups
    for group in groups.values():
        rules = group.inputs["securityRules"]
        assert len({rule["priority"] for rule in rules}) == len(rules)
        inbound = [rule for rule in rules if (rule["direction"], rule["access"]) == ("Inbound", "Allow")]
        assert not [rule for rule in inbound if rule["sourceAddressPrefix"] in ("*", "Internet", "0.0.0.0/0")]
        assert [rule for rule in rules if (rule["sourceAddressPrefix"], rule["access"]) == ("Internet", "Deny")]


def test_changes_of_the_network_come_one_after_the_other() -> None:
    recording = build("private")
    for first, second in combinations(network(recording, "Subnet"), 2):
        assert first.urn in recording.before(second) or second.urn in recording.before(first)
    endpoints = network(recording, "PrivateEndpoint")
    for first, second in combinations(endpoints, 2):
        if connection(first)[0] == connection(second)[0]:
            assert first.urn in recording.before(second) or second.urn in recording.before(first)


def test_only_subnets_with_machines_pay_for_a_way_out() -> None:
    with_systems = build("private")
    ways_out = {s.inputs["subnetName"]: "natGateway" in s.inputs for s in network(with_systems, "Subnet")}
    assert ways_out == {"endpoints": False, "containers": True, "builds": True}
    assert len(network(with_systems, "NatGateway")) == 1
    (address,) = network(with_systems, "PublicIPAddress")
    assert (address.inputs["sku"]["name"], address.inputs.get("zones")) == ("Standard", None)
    bare = run(program, PRIVATE | {"systems": []}, stack="dev")
    assert [subnet.inputs["subnetName"] for subnet in network(bare, "Subnet")] == ["endpoints"]
    assert not network(bare, "NatGateway")
    assert not network(bare, "PublicIPAddress")


def test_production_has_an_address_in_all_zones() -> None:
    recording = run(program, PRIVATE | {"environment": "prod"}, stack="prod")
    (address,) = network(recording, "PublicIPAddress")
    assert address.inputs["zones"] == ["1", "2", "3"]


def test_zones_of_a_hub_are_linked_and_not_made() -> None:
    recording = run(program, PRIVATE | {"network": {"dnsZonesGroupId": HUB}}, stack="dev")
    assert not recording.of_type("azure-native:privatedns:PrivateZone")
    links = recording.of_type("azure-native:privatedns:VirtualNetworkLink")
    assert {link.inputs["resourceGroupName"] for link in links} == {"rg-dns"}
    for group in network(recording, "PrivateDnsZoneGroup"):
        for config in group.inputs["privateDnsZoneConfigs"]:
            assert config["privateDnsZoneId"].startswith(f"{HUB}/providers/Microsoft.Network/privateDnsZones/")


def test_resolvers_of_a_hub_answer_without_links() -> None:
    elsewhere = HUB.replace("11111111-", "99999999-")
    settings = {"dnsZonesGroupId": elsewhere, "dnsServers": ["10.0.0.4"]}
    recording = run(program, PRIVATE | {"network": settings}, stack="dev")
    assert not recording.of_type("azure-native:privatedns:VirtualNetworkLink")
    assert one(recording, "network:VirtualNetwork").inputs["dhcpOptions"] == {"dnsServers": ["10.0.0.4"]}


@given(st.integers(LARGEST, SMALLEST), st.integers(0, 31))
def test_subnets_lie_in_the_address_space_and_never_overlap(prefix: int, place: int) -> None:
    space = ipaddress.IPv4Network((int(ipaddress.IPv4Address("10.0.0.0")) + (place << (32 - prefix)), prefix))
    ranges = [ipaddress.IPv4Network(slot.range_in(str(space))) for slot in PLAN.values()]
    assert set(PLAN) == set(Purpose)
    for one_range in ranges:
        assert one_range.subnet_of(space)
    for first, second in combinations(ranges, 2):
        assert not first.overlaps(second)


def test_the_smallest_address_space_is_large_enough_for_what_azure_asks() -> None:
    sizes = {purpose: ipaddress.IPv4Network(slot.range_in(f"10.0.0.0/{SMALLEST}")) for purpose, slot in PLAN.items()}
    assert sizes[Purpose.DATABRICKS_PRIVATE].prefixlen <= 26
    assert sizes[Purpose.DATABRICKS_PUBLIC].prefixlen <= 26
    # Five addresses of each subnet are Azure's own.
    assert sizes[Purpose.ENDPOINTS].num_addresses - 5 >= 4 * sum(len(doors) for doors in DOORS.values())


def test_subnets_of_databricks_and_aks_come_with_their_parts() -> None:
    assert {part.value for part in PARTS.values()} == {"databricks", "kubernetes"}


@pytest.mark.parametrize("arm_type", DOORS)
def test_each_row_is_complete(arm_type: str) -> None:
    group_ids = [door.group_id for door in DOORS[arm_type]]
    assert len(set(group_ids)) == len(group_ids) > 0
    for door in DOORS[arm_type]:
        assert all(zone.startswith("privatelink.") for zone in door.zones)
        assert door.zones


def test_a_resource_under_two_names_has_its_endpoints_once() -> None:
    vault = "/subscriptions/S/resourceGroups/G/providers/Microsoft.KeyVault/vaults/v"
    nothing: pulumi.Resource = None  # type: ignore[assignment]
    scopes = [Scope("vault", vault, nothing), Scope("keys", vault.replace("/S/", "/s/"), nothing)]
    assert [found.role for found in wanted(scopes)] == ["vault-vault"]


@pytest.mark.parametrize(
    ("isolation", "profile", "reason"),
    [
        ("Disabled", "hybrid", "has a cluster or an endpoint already"),
        ("Disabled", "private", "has a cluster or an endpoint already"),
        ("AllowInternetOutbound", "open", "takes nothing back"),
        ("AllowOnlyApprovedOutbound", "open", "takes nothing back"),
        ("AllowOnlyApprovedOutbound", "hybrid", "takes nothing back"),
    ],
)
def test_a_profile_that_azure_cannot_change_stops_the_program(isolation: str, profile: str, reason: str) -> None:
    with pytest.raises(pulumi.RunError, match=f'mlops:networkProfile = "{profile}".*{reason}.*pulumi config set'):
        run(main, AZURE | {"networkProfile": profile}, isolation=isolation)


@pytest.mark.parametrize(
    ("isolation", "profile"),
    [
        ("Disabled", "open"),
        ("AllowInternetOutbound", "hybrid"),
        ("AllowInternetOutbound", "private"),
        ("AllowOnlyApprovedOutbound", "private"),
    ],
)
def test_a_profile_may_stay_and_hybrid_may_become_private(isolation: str, profile: str) -> None:
    assert run(main, AZURE | {"networkProfile": profile, "systems": []}, isolation=isolation).resources


def test_images_are_built_and_tried_inside_the_network() -> None:
    recording = run(main, PRIVATE | {"systems": ["bike_buyer"]}, stack="dev")
    pool = one(recording, "containerregistry:AgentPool")
    assert pool.inputs["virtualNetworkSubnetResourceId"].endswith("/subnets/builds")
    assert pool.inputs["count"] == 1
    (image,) = recording.of_type("pulumi-python:dynamic/ml:ContainerImage")
    assert image.inputs["registry"]["agentPool"] == pool.inputs["agentPoolName"]
    assert pool.urn in recording.before(image)
    (rollout,) = recording.of_type("pulumi-python:dynamic/ml:Rollout")
    assert rollout.inputs["staging"]["subnetId"].endswith("/subnets/containers")
    elsewhere = run(main, AZURE | {"networkProfile": "hybrid"}, stack="dev")
    assert not elsewhere.of_type("azure-native:containerregistry:AgentPool")
    (image,) = elsewhere.of_type("pulumi-python:dynamic/ml:ContainerImage")
    assert "agentPool" not in image.inputs["registry"]


def test_a_system_with_a_public_gateway_is_refused() -> None:
    with pytest.raises(pulumi.RunError, match=r"'ticket_duration' serves in container groups.*online endpoint"):
        run(main, PRIVATE | {"systems": ["ticket_duration"], "allowGeneratedData": True}, stack="dev")


@pytest.mark.parametrize("shares", [False, True])
def test_one_stack_of_a_region_answers_the_sign_in_to_databricks(shares: bool) -> None:
    workspace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/workspaces/w"
    nothing: pulumi.Resource = None  # type: ignore[assignment]
    found = {one.door.group_id for one in wanted([Scope("databricks", workspace, nothing)], sign_in=not shares)}
    assert found == {"databricks_ui_api"} | (set() if shares else {"browser_authentication"})


def test_a_whole_stack_can_leave_the_sign_in_to_another() -> None:
    config = PRIVATE | {"systems": [], "platform": ["databricks"]}
    alone, sharing = config, config | {"network": {"databricksSignIn": False}}
    counts = [len(network(run(program, given, stack="dev"), "PrivateEndpoint")) for given in (alone, sharing)]
    assert counts[0] == counts[1] + 1


@pytest.mark.parametrize("profile", ["hybrid", "private"])
def test_jobs_that_score_files_reach_the_queues_and_tables_they_are_handed_out_in(profile: str) -> None:
    config = AZURE | {"networkProfile": profile, "systems": [], "platform": ["batch"]}
    rules = one(run(program, config, stack="dev"), "machinelearningservices:Workspace").inputs["managedNetwork"]
    targets = {
        rule["destination"]["subresourceTarget"]
        for rule in rules["outboundRules"].values()
        if rule["type"] == "PrivateEndpoint"
    }
    assert targets == {"blob", "file", "queue", "table", "dfs", "vault", "registry"}
    without = one(build(profile), "machinelearningservices:Workspace").inputs["managedNetwork"]["outboundRules"]
    assert not {"storage-queue", "storage-table"} & set(without)
