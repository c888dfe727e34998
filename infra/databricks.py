"""Azure Databricks: Spark over the lake, and the connector by which Unity Catalog reaches it without a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import databricks

from infra.address_plan import Purpose
from infra.naming import Kind
from infra.resource_id import group_id
from infra.role_assignments import Scope

if TYPE_CHECKING:
    from infra.identities import Identity
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.virtual_network import VirtualNetwork

ROLE = "databricks"
SUBNETS = (Purpose.DATABRICKS_PUBLIC, Purpose.DATABRICKS_PRIVATE)
"""Where the addresses of nodes and of their containers are, in this order."""


@dataclass(frozen=True, kw_only=True)
class DatabricksArgs:
    """Without `network` Databricks makes one of its own in its managed group."""

    placement: Placement
    identity: Identity
    network: VirtualNetwork | None = None


class Databricks(pulumi.ComponentResource):
    """A premium workspace and an access connector. Nodes have no public address; the connector's identity has the roles
    on the lake, so no cluster, notebook or catalogue holds a key.

    Neither costs anything while no cluster runs, but for what is in the managed group (a NAT gateway and a storage
    account: tens of euros a month). The managed group is Databricks' own, locked for everybody else, and goes with the
    workspace.

    Behind a firewall (profile `hybrid`) the lake refuses the nodes, whose network is not the stack's; in `private` they
    are in subnets of the stack's network.
    """

    def __init__(self, name: str, args: DatabricksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:databricks:Databricks", name, None, opts)
        naming = args.placement.naming
        self.workspace_name = naming.name(Kind.DATABRICKS)
        self.workspace_id = args.placement.resource_id(Kind.DATABRICKS, self.workspace_name)
        self.connector_name = naming.name(Kind.DATABRICKS_CONNECTOR)
        self.connector_id = args.placement.resource_id(Kind.DATABRICKS_CONNECTOR, self.connector_name)
        self.connector = self._connector(f"{name}-connector", args)
        self.workspace = self._workspace(name, args)
        self.register_outputs({"workspaceName": self.workspace_name, "connectorId": self.connector_id})

    @property
    def scope(self) -> Scope:
        """The workspace."""
        return Scope("databricks", self.workspace_id, self.workspace)

    def _connector(self, name: str, args: DatabricksArgs) -> databricks.AccessConnector:
        return databricks.AccessConnector(
            name,
            connector_name=self.connector_name,
            resource_group_name=args.placement.resource_group_name,
            location=args.placement.location,
            tags=args.placement.tags,
            identity=databricks.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.identity.resource_id]
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.placement.group, args.identity.resource]),
        )

    def _workspace(self, name: str, args: DatabricksArgs) -> databricks.Workspace:
        placement = args.placement
        managed_group = placement.naming.name(Kind.RESOURCE_GROUP, ROLE)
        subnets = [args.network.subnets[one] for one in SUBNETS] if args.network else []
        return databricks.Workspace(
            name,
            workspace_name=self.workspace_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            compute_mode="Hybrid",
            sku=databricks.SkuArgs(name="premium"),
            managed_resource_group_id=group_id(placement.subscription_id, managed_group),
            parameters=self._parameters(args.network),
            public_network_access=placement.network.public_access,
            # What nodes and control plane say to each other goes through the workspace's private endpoint.
            required_nsg_rules="NoAzureDatabricksRules" if placement.network.is_private else "AllRules",
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[placement.group, *(subnet.resource for subnet in subnets)],
                protect=placement.is_production,
            ),
        )

    @staticmethod
    def _parameters(network: VirtualNetwork | None) -> databricks.WorkspaceCustomParametersArgs:
        closed = databricks.WorkspaceNoPublicIPBooleanParameterArgs(value=True)
        if network is None:
            return databricks.WorkspaceCustomParametersArgs(enable_no_public_ip=closed)
        text = databricks.WorkspaceCustomStringParameterArgs
        hosts, containers = (network.subnets[one].name for one in SUBNETS)
        return databricks.WorkspaceCustomParametersArgs(
            enable_no_public_ip=closed,
            custom_virtual_network_id=text(value=network.network_id),
            custom_public_subnet_name=text(value=hosts),
            custom_private_subnet_name=text(value=containers),
        )


def declare(platform: Platform) -> None:
    """Databricks on the lake of the platform."""
    args = DatabricksArgs(
        placement=platform.placement, identity=platform.identities.get(ROLE), network=platform.network
    )
    made = Databricks("databricks", args, platform.child)
    platform.access.add(made.scope)
