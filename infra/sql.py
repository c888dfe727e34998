"""Azure SQL: a database for what pipelines curate, opened by Entra tokens only."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import sql

from infra.naming import Kind
from infra.role_assignments import Scope

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.sql_settings import SqlSettings

DATABASE = "curated"
MASTER = "master"
"""The server's own database. Azure makes it; what the server audits is logged as its log."""
ADMINISTRATORS = "deployers"
"""The name under which the administrators stand in the server. Azure goes by the group's id."""
PAUSE_MINUTES = 60
GIGABYTE = 1024**3


@dataclass(frozen=True, kw_only=True)
class SqlArgs:
    """`administrators_id`: the Entra group that administers the server."""

    placement: Placement
    settings: SqlSettings
    administrators_id: str


class Sql(pulumi.ComponentResource):
    """A server and a serverless database. No SQL login exists, so there is no password to lose; users are Entra
    identities. Every session and every change of rights is audited.

    A SQL server has no firewall that is open to identities alone: it answers no public address but those that the stack
    lists (profile `hybrid`), and everyone else comes by private endpoint, Data Factory from its managed network too.

    A paused database costs its storage, a few euros a month; in production one that never pauses starts at about a
    hundred and outlives the loss of a zone.
    """

    def __init__(self, name: str, args: SqlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:sql:Sql", name, None, opts)
        self._placement = args.placement
        self.server_name = args.placement.naming.name(Kind.SQL_SERVER)
        self.server_id = args.placement.resource_id(Kind.SQL_SERVER, self.server_name)
        self.database_name = args.placement.naming.name(Kind.SQL_DATABASE, DATABASE)
        self.server = self._server(name, args)
        self._let_in(name, args.placement)
        self.auditing = self._auditing(f"{name}-auditing")
        self.database = self._database(f"{name}-database", args.settings)
        self.register_outputs({"serverName": self.server_name, "databaseName": self.database_name})

    @property
    def scope(self) -> Scope:
        """The server."""
        return Scope("sql", self.server_id, self.server)

    @property
    def database_scopes(self) -> list[Scope]:
        """The databases, for their logs."""
        named = {"sql-database": (self.database_name, self.database), "sql-master": (MASTER, self.auditing)}
        return [
            Scope(name, self._placement.resource_id(Kind.SQL_DATABASE, self.server_name, database), resource)
            for name, (database, resource) in named.items()
        ]

    def _server(self, name: str, args: SqlArgs) -> sql.Server:
        placement = args.placement
        listed = placement.network.allowed_addresses and not placement.network.is_private
        return sql.Server(
            name,
            server_name=self.server_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            version="12.0",
            minimal_tls_version="1.2",
            public_network_access="Enabled" if listed else "Disabled",
            restrict_outbound_network_access="Enabled",
            administrators=sql.ServerExternalAdministratorArgs(
                administrator_type="ActiveDirectory",
                azure_ad_only_authentication=True,
                login=ADMINISTRATORS,
                principal_type="Group",
                sid=args.administrators_id,
                tenant_id=placement.tenant_id,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group]),
        )

    def _let_in(self, name: str, placement: Placement) -> None:
        """A rule for each listed range. None of them is Azure's 0.0.0.0, which lets in every tenant's machines."""
        if placement.network.is_private:
            return
        for address in placement.network.allowed_addresses:
            range_ = ipaddress.IPv4Network(address)
            slug = str(range_).replace(".", "-").replace("/", "-")
            sql.FirewallRule(
                f"{name}-from-{slug}",
                firewall_rule_name=placement.naming.name(Kind.SQL_FIREWALL_RULE, f"from-{slug}"),
                server_name=self.server_name,
                resource_group_name=placement.resource_group_name,
                start_ip_address=str(range_.network_address),
                end_ip_address=str(range_.broadcast_address),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.server]),
            )

    def _auditing(self, name: str) -> sql.ServerBlobAuditingPolicy:
        """To Azure Monitor: the part `operations` sends it on to the stack's logs. No storage account, so no key."""
        return sql.ServerBlobAuditingPolicy(
            name,
            blob_auditing_policy_name="default",
            server_name=self.server_name,
            resource_group_name=self._placement.resource_group_name,
            state="Enabled",
            is_azure_monitor_target_enabled=True,
            audit_actions_and_groups=[
                "SUCCESSFUL_DATABASE_AUTHENTICATION_GROUP",
                "FAILED_DATABASE_AUTHENTICATION_GROUP",
                "DATABASE_PERMISSION_CHANGE_GROUP",
                "DATABASE_PRINCIPAL_CHANGE_GROUP",
                "DATABASE_ROLE_MEMBER_CHANGE_GROUP",
                "SCHEMA_OBJECT_CHANGE_GROUP",
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.server]),
        )

    def _database(self, name: str, settings: SqlSettings) -> sql.Database:
        placement = self._placement
        production = placement.is_production
        pause = settings.pause_minutes or (-1 if production else PAUSE_MINUTES)
        return sql.Database(
            name,
            database_name=self.database_name,
            server_name=self.server_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            sku=sql.SkuArgs(name="GP_S_Gen5", tier="GeneralPurpose", family="Gen5", capacity=settings.max_cores),
            min_capacity=max(0.5, settings.max_cores / 4),
            max_size_bytes=float(settings.max_gigabytes * GIGABYTE),
            auto_pause_delay=pause,
            zone_redundant=production,
            requested_backup_storage_redundancy=settings.backup_redundancy or ("Zone" if production else "Local"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.server, self.auditing], protect=production),
        )


def declare(platform: Platform) -> None:
    """The database of the platform."""
    args = SqlArgs(
        placement=platform.placement,
        settings=platform.settings.sql,
        administrators_id=str(platform.settings.deployers_group_id),
    )
    made = Sql("sql", args, platform.child)
    platform.access.add(made.scope, *made.database_scopes)
