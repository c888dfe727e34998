"""The stack's own network, for the profile in which nothing answers from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import network

from infra.address_plan import PLAN, Purpose
from infra.naming import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.address_plan import NetworkSettings
    from infra.placement import Placement

DOORS = ("443", "1433", "5671", "8883")
"""Ports of private endpoints: HTTPS, SQL, AMQP and MQTT over TLS."""


@dataclass(frozen=True)
class Subnet:
    """One subnet: its id is known in a preview, so whoever uses it waits for `resource`."""

    name: str
    resource_id: str
    resource: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class VirtualNetworkArgs:
    """`purposes`: which subnets there are."""

    placement: Placement
    settings: NetworkSettings
    purposes: Sequence[Purpose]


class VirtualNetwork(pulumi.ComponentResource):
    """A network with a subnet and a network security group for each purpose. No subnet has Azure's default way out:
    those whose machines call something outside share one NAT gateway, made only where there is such a subnet.

    Network, subnets and groups cost nothing; the gateway and its address a few tens of dollars a month, and a few cents
    for each gigabyte.
    """

    def __init__(self, name: str, args: VirtualNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:network:VirtualNetwork", name, None, opts)
        self._name, self._args = name, args
        self.network_name = args.placement.naming.name(Kind.VIRTUAL_NETWORK)
        self.network_id = args.placement.resource_id(Kind.VIRTUAL_NETWORK, self.network_name)
        self.network = self._network()
        self._way_out = self._nat_gateway() if any(PLAN[one].outbound for one in args.purposes) else None
        self.subnets: dict[Purpose, Subnet] = {}
        for purpose in args.purposes:
            self.subnets[purpose] = self._subnet(purpose)
        if args.settings.hub_network_id:
            self._connect(args.settings.hub_network_id)
        self.register_outputs({"networkName": self.network_name, "networkId": self.network_id})

    def _network(self) -> network.VirtualNetwork:
        placement, settings = self._args.placement, self._args.settings
        servers = network.DhcpOptionsArgs(dns_servers=list(settings.dns_servers)) if settings.dns_servers else None
        return network.VirtualNetwork(
            self._name,
            virtual_network_name=self.network_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            address_space=network.AddressSpaceArgs(address_prefixes=[settings.address_space]),
            dhcp_options=servers,
            # Its subnets are resources of their own.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group], ignore_changes=["subnets"]),
        )

    def _nat_gateway(self) -> network.NatGateway:
        placement = self._args.placement
        address_name = placement.naming.name(Kind.PUBLIC_IP, "nat")
        address = network.PublicIPAddress(
            f"{self._name}-nat-address",
            public_ip_address_name=address_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            sku=network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
            public_ip_allocation_method="Static",
            public_ip_address_version="IPv4",
            # An address in all zones outlives one of them; not every region has zones, so only production asks.
            zones=["1", "2", "3"] if placement.is_production else None,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group]),
        )
        self._gateway_id = placement.resource_id(Kind.NAT_GATEWAY, placement.naming.name(Kind.NAT_GATEWAY))
        return network.NatGateway(
            f"{self._name}-nat",
            nat_gateway_name=placement.naming.name(Kind.NAT_GATEWAY),
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            sku=network.NatGatewaySkuArgs(name="Standard"),
            idle_timeout_in_minutes=4,
            public_ip_addresses=[
                network.SubResourceArgs(id=placement.resource_id(Kind.PUBLIC_IP, address_name)),
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[address]),
        )

    def _subnet(self, purpose: Purpose) -> Subnet:
        placement, slot = self._args.placement, PLAN[purpose]
        group = self._security_group(purpose)
        group_id = placement.resource_id(Kind.SECURITY_GROUP, placement.naming.name(Kind.SECURITY_GROUP, purpose))
        way_out = self._way_out if slot.outbound else None
        needed = [self.network, group, *([way_out] if way_out else [])]
        resource = network.Subnet(
            f"{self._name}-{purpose}",
            subnet_name=placement.naming.name(Kind.SUBNET, purpose),
            virtual_network_name=self.network_name,
            resource_group_name=placement.resource_group_name,
            address_prefix=slot.range_in(self._args.settings.address_space),
            default_outbound_access=False,
            network_security_group=network.NetworkSecurityGroupArgs(id=group_id),
            nat_gateway=network.SubResourceArgs(id=self._gateway_id) if way_out else None,
            # Without it the security group would not hold for private endpoints.
            private_endpoint_network_policies="Enabled",
            private_link_service_network_policies="Enabled",
            delegations=[network.DelegationArgs(name="service", service_name=slot.delegated_to)]
            if slot.delegated_to
            else None,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Azure refuses two changes of one network at the same time.
                depends_on=[*needed, *(other.resource for other in self.subnets.values())],
            ),
        )
        subnet_id = placement.resource_id(Kind.SUBNET, self.network_name, purpose)
        return Subnet(purpose, subnet_id, resource)

    def _connect(self, hub_id: str) -> None:
        """Both directions: one alone connects nothing. Traffic between the two costs about a cent a gigabyte."""
        own_group, hub_group = self._args.placement.resource_group_name, hub_id.split("/")[4]
        hub_name = hub_id.rpartition("/")[2]
        for_hub = (self.network_name, own_group, hub_name, hub_id)
        for_own = (hub_name, hub_group, self.network_name, self.network_id)
        for direction, (of, group, other_name, other_id) in {"to-hub": for_hub, "from-hub": for_own}.items():
            network.VirtualNetworkPeering(
                f"{self._name}-{direction}",
                virtual_network_peering_name=self._args.placement.naming.name(Kind.PEERING, other_name),
                virtual_network_name=of,
                resource_group_name=group,
                remote_virtual_network=network.SubResourceArgs(id=other_id),
                allow_virtual_network_access=True,
                allow_forwarded_traffic=False,
                allow_gateway_transit=False,
                use_remote_gateways=False,
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=[self.network, *(subnet.resource for subnet in self.subnets.values())]
                ),
            )

    def _security_group(self, purpose: Purpose) -> network.NetworkSecurityGroup:
        placement = self._args.placement
        return network.NetworkSecurityGroup(
            f"{self._name}-{purpose}-rules",
            network_security_group_name=placement.naming.name(Kind.SECURITY_GROUP, purpose),
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            security_rules=_rules(purpose),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group]),
        )


def _rules(purpose: Purpose) -> list[network.SecurityRuleArgs]:
    """What is let in. Nothing comes from the internet; private endpoints answer at their ports and at no other."""
    internet = _rule("deny-internet", 4000, "Deny", source="Internet", ports=("*",))
    if purpose is not Purpose.ENDPOINTS:
        return [internet]
    doors = _rule("allow-network", 1000, "Allow", source="VirtualNetwork", ports=DOORS)
    return [doors, internet, _rule("deny-rest", 4010, "Deny", source="*", ports=("*",))]


def _rule(name: str, priority: int, access: str, *, source: str, ports: Sequence[str]) -> network.SecurityRuleArgs:
    one = ports[0] if len(ports) == 1 else None
    return network.SecurityRuleArgs(
        name=name,
        priority=priority,
        direction="Inbound",
        access=access,
        protocol="Tcp" if access == "Allow" else "*",
        source_address_prefix=source,
        source_port_range="*",
        destination_address_prefix="VirtualNetwork" if access == "Allow" else "*",
        destination_port_range=one,
        destination_port_ranges=None if one else list(ports),
    )
