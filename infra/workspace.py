"""The Azure Machine Learning workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.naming import Kind
from infra.role_assignments import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.identities import Identity
    from infra.key_vault import KeyVault
    from infra.monitoring import Monitoring
    from infra.placement import Placement
    from infra.registry import Registry
    from infra.soft_delete import SoftDelete
    from infra.storage import Storage

DEFAULT_DATASTORE = "workspaceblobstore"
"""The datastore that Azure ML itself makes on the workspace's storage account."""


@dataclass(frozen=True, kw_only=True)
class WorkspaceArgs:
    """What the workspace stands on. `after`: the role assignments of its identity, without which Azure refuses to make
    it. `image_build_compute`: the cluster that builds images when the registry has a firewall. `approved_hosts`: what
    jobs may reach of the internet where nothing else of it is open to them. `batch`: whether jobs score files, which
    they hand out to each other in queues and tables. `soft_delete`: the guard before the workspace.
    """

    placement: Placement
    identity: Identity
    storage: Storage
    lake: Storage
    key_vault: KeyVault
    registry: Registry
    monitoring: Monitoring
    soft_delete: SoftDelete
    image_build_compute: str
    approved_hosts: Sequence[str]
    batch: bool = False
    after: Sequence[pulumi.Resource]


class Workspace(pulumi.ComponentResource):
    """A workspace with its own storage, vault, registry and Application Insights, which it reaches with one
    user-assigned identity and no key.
    """

    def __init__(self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:machinelearning:Workspace", name, None, opts)
        placement = args.placement
        self.workspace_name = placement.naming.name(Kind.ML_WORKSPACE)
        self.workspace_id = placement.resource_id(Kind.ML_WORKSPACE, self.workspace_name)
        child = pulumi.ResourceOptions(parent=self)
        guard = args.soft_delete.workspace(f"{name}-guard", self.workspace_id, placement, child)
        self.workspace = ml.Workspace(
            name,
            workspace_name=self.workspace_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            friendly_name=self.workspace_name,
            sku=ml.SkuArgs(name="Basic", tier="Basic"),
            identity=ml.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.identity.resource_id]
            ),
            primary_user_assigned_identity=args.identity.resource_id,
            storage_account=args.storage.account_id,
            key_vault=args.key_vault.vault_id,
            container_registry=args.registry.registry_id,
            application_insights=args.monitoring.application_insights_id,
            system_datastores_auth_mode="Identity",
            public_network_access=placement.network.public_access,
            hbi_workspace=False,
            v1_legacy_mode=False,
            managed_network=None if placement.network.is_open else _managed_network(args),
            # Else the first job would wait for the network.
            provision_network_now=None if placement.network.is_open else True,
            image_build_compute=None if placement.network.is_open else args.image_build_compute,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*self._needed(args), guard.resource], protect=placement.is_production
            ),
        )
        self.register_outputs({"workspaceName": self.workspace_name, "workspaceId": self.workspace_id})

    @property
    def scope(self) -> Scope:
        """The workspace, for role assignments."""
        return Scope("workspace", self.workspace_id, self.workspace)

    @staticmethod
    def _needed(args: WorkspaceArgs) -> list[pulumi.Resource]:
        return [
            args.identity.resource,
            args.storage.blob_service,
            args.lake.blob_service,
            args.key_vault.vault,
            args.registry.registry,
            args.monitoring.application_insights,
            *args.after,
        ]


def _managed_network(args: WorkspaceArgs) -> ml.ManagedNetworkSettingsArgs:
    """Jobs run in a network of Azure ML's own and reach our data services by private endpoints, because a firewall that
    only knows addresses would shut them out. Azure offers no way back from this to no managed network, nor from
    approved hosts to the whole internet.

    The endpoints cost a few dollars a month each. Approved hosts stand behind a firewall that Azure ML makes and that
    is paid for by the hour, a few hundred dollars a month; without any there is none.
    """
    targets = {
        "storage-blob": (args.storage.account_id, "blob"),
        "storage-file": (args.storage.account_id, "file"),
        "lake-blob": (args.lake.account_id, "blob"),
        "lake-dfs": (args.lake.account_id, "dfs"),
        "vault": (args.key_vault.vault_id, "vault"),
        "registry": (args.registry.registry_id, "registry"),
    }
    if args.batch:
        targets |= {f"storage-{part}": (args.storage.account_id, part) for part in ("queue", "table")}
    rules: dict[str, ml.PrivateEndpointOutboundRuleArgs | ml.FqdnOutboundRuleArgs] = {
        rule: ml.PrivateEndpointOutboundRuleArgs(
            type="PrivateEndpoint",
            category="UserDefined",
            destination=ml.PrivateEndpointDestinationArgs(service_resource_id=service, subresource_target=target),
        )
        for rule, (service, target) in targets.items()
    }
    if not args.placement.network.is_private:
        return ml.ManagedNetworkSettingsArgs(isolation_mode="AllowInternetOutbound", outbound_rules=rules)
    for host in args.approved_hosts:
        rules[f"host-{host.replace('*', 'any').replace('.', '-')}"] = ml.FqdnOutboundRuleArgs(
            type="FQDN", category="UserDefined", destination=host
        )
    return ml.ManagedNetworkSettingsArgs(
        isolation_mode="AllowOnlyApprovedOutbound",
        outbound_rules=rules,
        firewall_sku=("Standard" if args.placement.is_production else "Basic") if args.approved_hosts else None,
    )
