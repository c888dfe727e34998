"""Azure Kubernetes Service: where models are served and trained that need more than an endpoint of Azure ML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import containerservice as aks

from infra.address_plan import Purpose
from infra.container_insights import ADDON, ContainerInsights, ContainerInsightsArgs
from infra.naming import Kind
from infra.role_assignments import Scope
from infra.unread import UnreadIdentity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.identities import Identity
    from infra.kubernetes_settings import KubernetesSettings, NodePoolSettings
    from infra.monitoring import Monitoring
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.virtual_network import Subnet

CONTROL_PLANE, KUBELET = "kubernetes", "kubelet"
"""Roles of the two identities: the one with which the cluster works on Azure, the one its nodes pull images with."""
SYSTEM, USER, GPU = "system", "user", "gpu"
NODE_IMAGE = "AzureLinux3"
"""Azure Linux 2 is gone, and Ubuntu 22.04 gets no fixes from June 2027 on."""
POD_CIDR, SERVICE_CIDR, DNS_SERVICE_IP = "192.168.0.0/16", "172.20.0.0/16", "172.20.0.10"
"""Pods and services have addresses of their own (overlay); the ranges must not be those of the stack's network."""
ONLY_ITSELF = "0.0.0.0/32"
"""As the one authorized range: the cluster's own nodes reach its API server. No range at all would mean everybody."""
ZONES = ("1", "2", "3")
MAINTENANCE = (
    ("node-images", "aksManagedNodeOSUpgradeSchedule", 1),
    ("patches", "aksManagedAutoUpgradeSchedule", 4),
)
"""What is maintained, the name that Azure wants for its schedule, and every how many weeks."""


@dataclass(frozen=True, kw_only=True)
class KubernetesArgs:
    """`admin_group_id`: the Entra group that administers the cluster. `subnet`: where nodes stand in a private
    stack. `after`: the role assignments of both identities and what else must be there first.
    """

    placement: Placement
    settings: KubernetesSettings
    identity: Identity
    kubelet: Identity
    monitoring: Monitoring
    admin_group_id: str
    subnet: Subnet | None = None
    after: Sequence[pulumi.Resource]


def _issuer(profile: Any) -> str:
    """The address that a cluster's tokens are checked at. Under a class of our own the SDK hands nested outputs out as
    the engine has them.
    """
    return str(getattr(profile, "issuer_url", None) or (profile or {}).get("issuerURL") or "")


class _Cluster(UnreadIdentity, aks.ManagedCluster):  # type: ignore[misc]
    pass


class Kubernetes(pulumi.ComponentResource):
    """A cluster that only Entra opens: no local account, no client certificate, rights inside it by Azure RBAC. Pods
    reach Azure as identities that trust its issuer, nodes pull images as `kubelet`, and nothing holds a key.

    Costs the nodes: in dev one of four cores for the system, some 150 USD a month, and none for users while nothing
    runs. In prod also the API server with an uptime guarantee, some 75 USD a month, and nodes in every zone. Logs are
    paid by the gigabyte. Nothing of value is stored in it: what runs is declared elsewhere.
    """

    def __init__(self, name: str, args: KubernetesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:kubernetes:Cluster", name, None, opts)
        self._name, self._args = name, args
        self._subnet_id = args.subnet.resource_id if args.subnet else None
        self.cluster_name = args.placement.naming.name(Kind.MANAGED_CLUSTER)
        self.cluster_id = args.placement.resource_id(Kind.MANAGED_CLUSTER, self.cluster_name)
        self.cluster = self._cluster()
        # The profile is an input too: without the id a preview would take it for all that will ever be known of it.
        self.issuer_url: pulumi.Output[str] = pulumi.Output.all(
            self.cluster.id, self.cluster.oidc_issuer_profile
        ).apply(lambda both: _issuer(both[1]))
        settings, production = args.settings, args.placement.is_production
        self.pools = [self._pool(USER, settings.user, settings.user.least(2 if production else 0))]
        if settings.gpu.max_nodes:
            taint = ["sku=gpu:NoSchedule"]
            self.pools.append(self._pool(GPU, settings.gpu, settings.gpu.least(0), taints=taint))
        self._maintenance()
        self.register_outputs({"clusterName": self.cluster_name, "clusterId": self.cluster_id})

    @property
    def scope(self) -> Scope:
        """The cluster, for role assignments and diagnostic settings."""
        return Scope("kubernetes", self.cluster_id, self.cluster)

    def _cluster(self) -> _Cluster:
        args, here = self._args, self._args.placement
        kubelet = args.kubelet
        return _Cluster(
            self._name,
            resource_name_=self.cluster_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            sku=aks.ManagedClusterSKUArgs(name="Base", tier="Standard" if here.is_production else "Free"),
            identity=aks.ManagedClusterIdentityArgs(
                type=aks.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[args.identity.resource_id]
            ),
            identity_profile={
                "kubeletidentity": aks.UserAssignedIdentityArgs(
                    resource_id=kubelet.resource_id, client_id=kubelet.client_id, object_id=kubelet.principal_id
                )
            },
            kubernetes_version=args.settings.version,
            dns_prefix=self.cluster_name,
            enable_rbac=True,
            disable_local_accounts=True,
            aad_profile=aks.ManagedClusterAADProfileArgs(
                managed=True,
                enable_azure_rbac=True,
                admin_group_object_ids=[args.admin_group_id],
                tenant_id=here.tenant_id,
            ),
            oidc_issuer_profile=aks.ManagedClusterOIDCIssuerProfileArgs(enabled=True),
            security_profile=self._security(),
            public_network_access=here.network.public_access,
            api_server_access_profile=self._api_server(),
            network_profile=self._network(),
            addon_profiles=self._addons(),
            auto_upgrade_profile=aks.ManagedClusterAutoUpgradeProfileArgs(
                upgrade_channel="patch", node_os_upgrade_channel="NodeImage"
            ),
            node_resource_group_profile=aks.ManagedClusterNodeResourceGroupProfileArgs(restriction_level="ReadOnly"),
            agent_pool_profiles=[self._system_pool()],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[
                    here.group,
                    args.identity.resource,
                    kubelet.resource,
                    args.monitoring.log_analytics,
                    *([args.subnet.resource] if args.subnet else []),
                    *args.after,
                ],
                # The autoscaler changes it all the time.
                ignore_changes=["agentPoolProfiles[0].count"],
            ),
        )

    def _security(self) -> aks.ManagedClusterSecurityProfileArgs:
        defender = aks.ManagedClusterSecurityProfileDefenderArgs(
            log_analytics_workspace_resource_id=self._args.monitoring.log_analytics_id,
            security_monitoring=aks.ManagedClusterSecurityProfileDefenderSecurityMonitoringArgs(enabled=True),
        )
        return aks.ManagedClusterSecurityProfileArgs(
            workload_identity=aks.ManagedClusterSecurityProfileWorkloadIdentityArgs(enabled=True),
            image_cleaner=aks.ManagedClusterSecurityProfileImageCleanerArgs(enabled=True, interval_hours=168),
            defender=defender if self._args.settings.defender else None,
        )

    def _api_server(self) -> aks.ManagedClusterAPIServerAccessProfileArgs:
        """`az aks command invoke` is off everywhere: it would be a way around the network."""
        network = self._args.placement.network
        if network.is_private:
            return aks.ManagedClusterAPIServerAccessProfileArgs(
                disable_run_command=True,
                enable_private_cluster=True,
                enable_private_cluster_public_fqdn=False,
                private_dns_zone="system",
            )
        allowed = [address if "/" in address else f"{address}/32" for address in network.allowed_addresses]
        return aks.ManagedClusterAPIServerAccessProfileArgs(
            disable_run_command=True,
            authorized_ip_ranges=None if network.is_open else allowed or [ONLY_ITSELF],
        )

    def _network(self) -> aks.ContainerServiceNetworkProfileArgs:
        return aks.ContainerServiceNetworkProfileArgs(
            network_plugin="azure",
            network_plugin_mode="overlay",
            network_dataplane="cilium",
            network_policy="cilium",
            load_balancer_sku="standard",
            outbound_type="userAssignedNATGateway" if self._subnet_id else "loadBalancer",
            pod_cidr=POD_CIDR,
            service_cidr=SERVICE_CIDR,
            dns_service_ip=DNS_SERVICE_IP,
        )

    def _addons(self) -> dict[str, aks.ManagedClusterAddonProfileArgs]:
        logs = {"logAnalyticsWorkspaceResourceID": self._args.monitoring.log_analytics_id, "useAADAuth": "true"}
        rotation = {"enableSecretRotation": "true", "rotationPollInterval": "2m"}
        return {
            "azurepolicy": aks.ManagedClusterAddonProfileArgs(enabled=True),
            ADDON: aks.ManagedClusterAddonProfileArgs(enabled=True, config=logs),
            "azureKeyvaultSecretsProvider": aks.ManagedClusterAddonProfileArgs(enabled=True, config=rotation),
        }

    def _nodes(self, settings: NodePoolSettings, least: int) -> dict[str, Any]:
        """What every pool has alike, whether it stands in the cluster or beside it."""
        return {
            "type": "VirtualMachineScaleSets",
            "vm_size": settings.vm_size,
            "count": least,
            "enable_auto_scaling": True,
            "min_count": least,
            "max_count": settings.max_nodes,
            "vnet_subnet_id": self._subnet_id,
            "os_type": "Linux",
            "os_sku": NODE_IMAGE,
            "os_disk_type": disk_type(settings.vm_size),
            "os_disk_size_gb": settings.os_disk_gb,
            "max_pods": 110,
            "enable_encryption_at_host": self._args.settings.host_encryption,
            "enable_node_public_ip": False,
            "upgrade_settings": aks.AgentPoolUpgradeSettingsArgs(max_surge="33%"),
            "tags": self._args.placement.tags,
        }

    def _system_pool(self) -> aks.ManagedClusterAgentPoolProfileArgs:
        settings, here = self._args.settings.system, self._args.placement
        least = settings.least(len(ZONES) if here.is_production else 1)
        return aks.ManagedClusterAgentPoolProfileArgs(
            name=SYSTEM,
            mode="System",
            availability_zones=list(ZONES) if here.is_production else None,
            node_taints=["CriticalAddonsOnly=true:NoSchedule"],
            **self._nodes(settings, least),
        )

    def _pool(
        self, role: str, settings: NodePoolSettings, least: int, taints: Sequence[str] | None = None
    ) -> aks.AgentPool:
        """A pool besides the system's. A resource of its own, because Azure neither adds nor removes a pool by a change
        of the cluster; a pool of another size of machine takes the place of the old one.
        """
        here = self._args.placement
        return aks.AgentPool(
            f"{self._name}-{role}",
            agent_pool_name=here.naming.name(Kind.AGENT_POOL, role),
            resource_name_=self.cluster_name,
            resource_group_name=here.resource_group_name,
            mode="User",
            orchestrator_version=self._args.settings.version,
            availability_zones=list(ZONES) if here.is_production and role == USER else None,
            node_taints=taints,
            node_labels={"mlops/pool": role},
            **self._nodes(settings, least),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[here.group, self.cluster, *self._args.after],
                ignore_changes=["count"],
                replace_on_changes=["vmSize", "osDiskSizeGB", "osDiskType", "enableEncryptionAtHost"],
                delete_before_replace=True,
            ),
        )

    def _maintenance(self) -> None:
        """New node images every week, patches of Kubernetes every fourth, and neither at another time."""
        window, here = self._args.settings.maintenance, self._args.placement
        for what, config_name, weeks in MAINTENANCE:
            weekly = aks.WeeklyScheduleArgs(day_of_week=window.day, interval_weeks=weeks)
            aks.MaintenanceConfiguration(
                f"{self._name}-{what}",
                config_name=here.naming.name(Kind.AKS_MAINTENANCE, config_name),
                resource_name_=self.cluster_name,
                resource_group_name=here.resource_group_name,
                maintenance_window=aks.MaintenanceWindowArgs(
                    schedule=aks.ScheduleArgs(weekly=weekly),
                    start_time=window.start,
                    duration_hours=window.hours,
                    utc_offset=window.utc_offset,
                ),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[here.group, self.cluster]),
            )


def disk_type(vm_size: str) -> str:
    """Where a node keeps its operating system: on its own disk if its size's name says that it has one."""
    found = re.fullmatch(r"Standard_[A-Z]+\d+(?:-\d+)?([a-z]*)(?:_[A-Z]\w*?)?_v\d+", vm_size)
    return "Ephemeral" if found and "d" in found[1] else "Managed"


def declare(platform: Platform) -> None:
    """Declares the cluster, its identities and who may use it."""
    identity, kubelet = platform.identities.get(CONTROL_PLANE), platform.identities.get(KUBELET)
    platform.access.add(Scope("kubelet", kubelet.resource_id, kubelet.resource))
    subnet = platform.subnet(Purpose.KUBERNETES)
    if subnet:
        platform.access.add(Scope("kubernetes-subnet", subnet.resource_id, subnet.resource))
    roles = [
        *platform.access.grant("kubernetes-identity", CONTROL_PLANE, platform.child),
        *platform.access.grant("kubelet-identity", KUBELET, platform.child),
    ]
    args = KubernetesArgs(
        placement=platform.placement,
        settings=platform.settings.kubernetes,
        identity=identity,
        kubelet=kubelet,
        monitoring=platform.monitoring,
        admin_group_id=str(platform.settings.deployers_group_id),
        subnet=subnet,
        after=roles,
    )
    platform.kubernetes = Kubernetes("kubernetes", args, platform.child)
    platform.access.add(platform.kubernetes.scope)
    insights = ContainerInsightsArgs(
        placement=platform.placement,
        settings=platform.settings.kubernetes,
        monitoring=platform.monitoring,
        cluster=platform.kubernetes.scope,
    )
    ContainerInsights("container-insights", insights, platform.child)
