"""Checks of private endpoints: the door of a service, the zone of its name and the subnet belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from emulator.resource_types.path import type_key
from tests.program.azure.declared import Declared, Resource

ZONES: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType(
    {
        (f"microsoft.{service}", group): frozenset(f"privatelink.{zone}" for zone in zones)
        for (service, group), zones in {
            ("storage/storageaccounts", "blob"): ["blob.core.windows.net"],
            ("storage/storageaccounts", "dfs"): ["dfs.core.windows.net"],
            ("storage/storageaccounts", "file"): ["file.core.windows.net"],
            ("storage/storageaccounts", "queue"): ["queue.core.windows.net"],
            ("storage/storageaccounts", "table"): ["table.core.windows.net"],
            ("keyvault/vaults", "vault"): ["vaultcore.azure.net"],
            ("containerregistry/registries", "registry"): ["azurecr.io"],
            ("machinelearningservices/workspaces", "amlworkspace"): ["api.azureml.ms", "notebooks.azure.net"],
            ("machinelearningservices/registries", "amlregistry"): ["api.azureml.ms"],
            ("databricks/workspaces", "databricks_ui_api"): ["azuredatabricks.net"],
            ("databricks/workspaces", "browser_authentication"): ["azuredatabricks.net"],
            ("datafactory/factories", "dataFactory"): ["datafactory.azure.net"],
            ("datafactory/factories", "portal"): ["adf.azure.com"],
            ("sql/servers", "sqlServer"): ["database.windows.net"],
            ("devices/iothubs", "iotHub"): ["azure-devices.net", "servicebus.windows.net"],
            ("devices/provisioningservices", "iotDps"): ["azure-devices-provisioning.net"],
        }.items()
    }
)
"""Zones by ARM type and group id: Microsoft's "Azure Private Endpoint private DNS zone values"."""
ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "machinelearningservices:OnlineEndpoint": "answers behind the private endpoint of its workspace",
        "machinelearningservices:BatchEndpoint": "answers behind the private endpoint of its workspace",
        "machinelearningservices:OnlineDeployment": "answers behind its endpoint",
    }
)
"""Types whose public address can be shut and that have no private endpoint of their own, and why."""

SHUT_ANOTHER_WAY: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"containerservice:ManagedCluster": ("apiServerAccessProfile", "enablePrivateCluster")}
)
"""Types whose address from outside goes by another property than `publicNetworkAccess`."""


def private_endpoints_belong_together(stack: Declared) -> Iterator[str]:
    """One connection each, of a group id that the service has; its names in that group's zones, which are linked to the
    network of its subnet.
    """
    for one in stack.of("network:PrivateEndpoint"):
        connections = one.properties.get("privateLinkServiceConnections") or []
        groups = [group for each in connections for group in each["properties"]["groupIds"]]
        if len(groups) != 1:
            yield f"{one}: has {len(groups)} group ids"
            continue
        target = "/".join(type_key(connections[0]["properties"]["privateLinkServiceId"]))
        wanted = ZONES.get((target, groups[0]))
        if wanted is None:
            yield f"{one}: {target} has no group id {groups[0]!r}"
            continue
        yield from _named_in(stack, one, wanted)


def _named_in(stack: Declared, one: Resource, wanted: frozenset[str]) -> Iterator[str]:
    zone_ids = {
        config["properties"]["privateDnsZoneId"]
        for group in stack.of("network:PrivateDnsZoneGroup")
        if group.id.lower().startswith(f"{one.id.lower()}/")
        for config in group.properties["privateDnsZoneConfigs"]
    }
    zones = {zone_id.rsplit("/", 1)[1] for zone_id in zone_ids}
    if zones != wanted:
        yield f"{one}: its names are in {sorted(zones)}, and belong into {sorted(wanted)}"
    if (stack.config.get("network") or {}).get("dnsServers"):
        return  # whoever runs those resolvers has linked the zones to their network
    network = str(one.properties["subnet"]["id"]).rsplit("/subnets/", 1)[0].lower()
    linked = {
        link.id.rsplit("/virtualNetworkLinks/", 1)[0].lower()
        for link in stack.of("privatedns:VirtualNetworkLink")
        if link.properties["virtualNetwork"]["id"].lower() == network
    }
    for zone_id in zone_ids:
        if zone_id.lower() not in linked:
            yield f"{one}: {zone_id.rsplit('/', 1)[1]} is not linked to the network of its subnet"


def nothing_is_public_in_private(stack: Declared) -> Iterator[str]:
    """What can be reached from outside cannot in the profile `private`, and is reached by a private endpoint."""
    if stack.config.get("networkProfile") != "private":
        return
    reached = {
        each["properties"]["privateLinkServiceId"].lower()
        for one in stack.of("network:PrivateEndpoint")
        for each in one.properties["privateLinkServiceConnections"]
    }
    types = {arm_type for arm_type, _ in ZONES}
    for one in stack.resources:
        if one.takes("properties", "publicNetworkAccess"):
            if not _is_shut(one):
                yield f"{one}: answers from outside in private"
            if one.arm_type in types and one.id.lower() not in reached and one.entry.name not in ELSEWHERE:
                yield f"{one}: no private endpoint leads to it"


def _is_shut(one: Resource) -> bool:
    if one.entry.name in SHUT_ANOTHER_WAY:
        section, key = SHUT_ANOTHER_WAY[one.entry.name]
        return bool((one.properties.get(section) or {}).get(key) is True)
    return bool(one.properties.get("publicNetworkAccess") == "Disabled")


def subnets_have_no_default_way_out(stack: Declared) -> Iterator[str]:
    """A machine reaches the internet because somebody said so, and every subnet has rules."""
    for one in stack.of("network:Subnet"):
        if one.properties.get("defaultOutboundAccess") is not False:
            yield f"{one}: its machines reach the internet by default"
        if not one.properties.get("networkSecurityGroup"):
            yield f"{one}: has no security group"
