"""Private DNS zones: in the stack's own network a service's public name leads to its private endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import privatedns

from infra.naming import Kind
from infra.resource_id import resource_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.address_plan import NetworkSettings
    from infra.placement import Placement
    from infra.virtual_network import VirtualNetwork


@dataclass(frozen=True)
class Zone:
    """A zone. `needed`: what has to be there before a name can be written into it and found."""

    resource_id: str
    needed: Sequence[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class PrivateDnsArgs:
    """`zones`: their names, which Azure prescribes."""

    placement: Placement
    settings: NetworkSettings
    network: VirtualNetwork
    zones: Sequence[str]


class PrivateDns(pulumi.ComponentResource):
    """The zones, each linked to the network. Where the stack file names a resource group that has them they are only
    linked; where it names resolvers of its own those answer, and nothing is linked.

    A zone costs about half a dollar a month.
    """

    def __init__(self, name: str, args: PrivateDnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:network:PrivateDns", name, None, opts)
        self._name, self._args = name, args
        self.zones = {zone: self._zone(zone) for zone in args.zones}
        self.register_outputs({"zones": list(args.zones)})

    def _zone(self, zone: str) -> Zone:
        shared = self._args.settings.dns_zones_group_id
        if shared:
            zone_id, made = resource_id(shared, Kind.PRIVATE_DNS_ZONE, zone), []
        else:
            zone_id, made = self._args.placement.resource_id(Kind.PRIVATE_DNS_ZONE, zone), [self._own(zone)]
        group = shared.rpartition("/")[2] if shared else self._args.placement.resource_group_name
        links = [] if self._args.settings.dns_servers else [self._link(zone, group, made)]
        return Zone(zone_id, [*made, *links])

    def _own(self, zone: str) -> privatedns.PrivateZone:
        placement = self._args.placement
        return privatedns.PrivateZone(
            f"{self._name}-{zone}",
            private_zone_name=zone,
            resource_group_name=placement.resource_group_name,
            location="global",
            tags=placement.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group]),
        )

    def _link(self, zone: str, group: str, made: Sequence[pulumi.Resource]) -> privatedns.VirtualNetworkLink:
        placement, network = self._args.placement, self._args.network
        return privatedns.VirtualNetworkLink(
            f"{self._name}-{zone}-link",
            virtual_network_link_name=placement.naming.name(Kind.DNS_LINK, network.network_name),
            private_zone_name=zone,
            resource_group_name=group,
            location="global",
            tags=placement.tags,
            registration_enabled=False,
            virtual_network=privatedns.SubResourceArgs(id=network.network_id),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*made, network.network]),
        )
