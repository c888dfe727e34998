"""Machines that build images inside the network: those that Azure lends otherwise do not reach a closed registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import containerregistry

from infra.naming import Kind

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.registry import Registry
    from infra.virtual_network import Subnet


@dataclass(frozen=True, kw_only=True)
class BuildAgentsArgs:
    """`count`: how many machines; none of them costs nothing and builds nothing."""

    placement: Placement
    registry: Registry
    subnet: Subnet
    count: int


class BuildAgents(pulumi.ComponentResource):
    """An agent pool of the registry. The workspace builds the environments of jobs on its own cluster, but images of
    scoring servers are built by the registry, whose own machines are outside.

    Azure bills an agent by the second while the pool has it, used or not: some hundreds of dollars a month for one.
    """

    def __init__(self, name: str, args: BuildAgentsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:containers:BuildAgents", name, None, opts)
        self.pool_name = args.placement.naming.name(Kind.BUILD_POOL, "builds")
        self.pool = containerregistry.AgentPool(
            name,
            agent_pool_name=self.pool_name,
            registry_name=args.registry.registry_name,
            resource_group_name=args.placement.resource_group_name,
            location=args.placement.location,
            tags=args.placement.tags,
            tier="S1",
            os="Linux",
            count=args.count,
            virtual_network_subnet_resource_id=args.subnet.resource_id,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.registry.registry, args.subnet.resource]),
        )
        self.register_outputs({"poolName": self.pool_name})
