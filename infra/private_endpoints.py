"""Private endpoints: an address in the stack's own network for every service that can have one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import network

from infra.naming import Kind
from infra.parts import Part
from infra.private_dns import PrivateDns, PrivateDnsArgs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from infra.address_plan import NetworkSettings
    from infra.placement import Placement
    from infra.private_dns import Zone
    from infra.role_assignments import Scope
    from infra.virtual_network import Subnet, VirtualNetwork


@dataclass(frozen=True)
class Door:
    """One part of a service that answers at a private endpoint: Azure's group id, and the zones that lead to it.

    `scopes`: only resources of these names have it in use; none = all. `part`: only stacks with that part of the
    platform have it in use.
    """

    group_id: str
    zones: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    part: Part | None = None


# "Azure Private Endpoint private DNS zone values". A registry's data endpoint has its names in the registry's zone.
DOORS: Mapping[str, tuple[Door, ...]] = MappingProxyType(
    {
        "Microsoft.ContainerRegistry/registries": (Door("registry", ("privatelink.azurecr.io",)),),
        "Microsoft.DataFactory/factories": (
            Door("dataFactory", ("privatelink.datafactory.azure.net",)),
            Door("portal", ("privatelink.adf.azure.com",)),
        ),
        "Microsoft.Databricks/workspaces": (
            Door("databricks_ui_api", ("privatelink.azuredatabricks.net",)),
            Door("browser_authentication", ("privatelink.azuredatabricks.net",)),
        ),
        "Microsoft.Devices/IotHubs": (
            Door("iotHub", ("privatelink.azure-devices.net", "privatelink.servicebus.windows.net")),
        ),
        "Microsoft.Devices/provisioningServices": (Door("iotDps", ("privatelink.azure-devices-provisioning.net",)),),
        "Microsoft.KeyVault/vaults": (Door("vault", ("privatelink.vaultcore.azure.net",)),),
        "Microsoft.MachineLearningServices/registries": (Door("amlregistry", ("privatelink.api.azureml.ms",)),),
        "Microsoft.MachineLearningServices/workspaces": (
            Door("amlworkspace", ("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net")),
        ),
        "Microsoft.Sql/servers": (Door("sqlServer", ("privatelink.database.windows.net",)),),
        "Microsoft.Storage/storageAccounts": (
            Door("blob", ("privatelink.blob.core.windows.net",)),
            # Notebooks are files; batch endpoints hand work out in queues and tables.
            Door("file", ("privatelink.file.core.windows.net",), ("ml",)),
            Door("queue", ("privatelink.queue.core.windows.net",), ("ml",), Part.BATCH),
            Door("table", ("privatelink.table.core.windows.net",), ("ml",), Part.BATCH),
            Door("dfs", ("privatelink.dfs.core.windows.net",), ("lake",)),
        ),
    }
)
"""By ARM type. AKS keeps a zone and an endpoint of its own for its API."""


@dataclass(frozen=True)
class Wanted:
    """A private endpoint to be made."""

    scope: Scope
    door: Door

    @property
    def role(self) -> str:
        """`lake-blob`."""
        return f"{self.scope.name}-{self.door.group_id.lower().replace('_', '-')}"


SIGN_IN = "browser_authentication"
"""The one door that is not of a single resource: it answers for every Databricks workspace of the region."""


def wanted(scopes: Iterable[Scope], parts: Collection[Part] = (), *, sign_in: bool = True) -> list[Wanted]:
    """What is to be made for these resources; one that stands there under two names has its endpoints once."""
    once = {scope.resource_id.lower(): scope for scope in reversed(list(scopes))}
    return [
        Wanted(scope, door)
        for scope in reversed(once.values())
        for door in DOORS.get(scope.type, ())
        if (not door.scopes or scope.name in door.scopes)
        and (door.part is None or door.part in parts)
        and (sign_in or door.group_id != SIGN_IN)
    ]


@dataclass(frozen=True, kw_only=True)
class PrivateEndpointsArgs:
    """`scopes`: all resources of the platform; those without a door are left alone. `zones`: what there is of zones
    besides those of the endpoints.
    """

    placement: Placement
    settings: NetworkSettings
    network: VirtualNetwork
    subnet: Subnet
    scopes: Sequence[Scope]
    parts: Collection[Part]
    zones: Sequence[str] = ()


class PrivateEndpoints(pulumi.ComponentResource):
    """The endpoints, with their names in the private DNS zones. Each costs a few dollars a month."""

    def __init__(self, name: str, args: PrivateEndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:network:PrivateEndpoints", name, None, opts)
        self._name, self._args = name, args
        self.wanted = wanted(args.scopes, args.parts, sign_in=args.settings.databricks_sign_in)
        zones = sorted({*args.zones, *(zone for one in self.wanted for zone in one.door.zones)})
        dns = PrivateDnsArgs(placement=args.placement, settings=args.settings, network=args.network, zones=zones)
        self.dns = PrivateDns("private-dns", dns, pulumi.ResourceOptions(parent=self))
        self._made: dict[str, pulumi.Resource] = {}
        for one in self.wanted:
            self._names(one, self._endpoint(one), [self.dns.zones[zone] for zone in one.door.zones])
        self.register_outputs({"endpoints": [one.role for one in self.wanted]})

    def _endpoint(self, one: Wanted) -> network.PrivateEndpoint:
        placement, target = self._args.placement, one.scope
        name = placement.naming.name(Kind.PRIVATE_ENDPOINT, one.role)
        before = self._made.get(target.resource_id)
        endpoint = network.PrivateEndpoint(
            f"{self._name}-{one.role}",
            private_endpoint_name=name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            subnet={"id": self._args.subnet.resource_id},
            custom_network_interface_name=f"nic-{name}",
            private_link_service_connections=[
                network.PrivateLinkServiceConnectionArgs(
                    name=one.role, private_link_service_id=target.resource_id, group_ids=[one.door.group_id]
                )
            ],
            opts=pulumi.ResourceOptions(
                parent=self,
                # A service takes one new connection at a time.
                depends_on=[self._args.subnet.resource, target.resource, *([before] if before else [])],
            ),
        )
        self._made[target.resource_id] = endpoint
        return endpoint

    def _names(self, one: Wanted, endpoint: pulumi.Resource, zones: Sequence[Zone]) -> None:
        placement = self._args.placement
        network.PrivateDnsZoneGroup(
            f"{self._name}-{one.role}-names",
            private_dns_zone_group_name="default",
            private_endpoint_name=placement.naming.name(Kind.PRIVATE_ENDPOINT, one.role),
            resource_group_name=placement.resource_group_name,
            private_dns_zone_configs=[
                network.PrivateDnsZoneConfigArgs(
                    name=zone.resource_id.rpartition("/")[2].replace(".", "-"), private_dns_zone_id=zone.resource_id
                )
                for zone in zones
            ],
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[endpoint, *(part for zone in zones for part in zone.needed)]
            ),
        )
