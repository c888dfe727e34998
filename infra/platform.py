"""The platform: every component, in order, and the names that systems build on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pulumi

from infra import (
    batch_endpoint,
    data_factory,
    databricks,
    edge,
    federation,
    file_trigger,
    gpu,
    kubernetes,
    model_registry,
    notebooks,
    operations,
    sql,
)
from infra.access import Access
from infra.address_plan import Purpose, purposes
from infra.azure_policy import AzurePolicy, AzurePolicyArgs
from infra.build_agents import BuildAgents, BuildAgentsArgs
from infra.compute import CPU_CLUSTER, Compute, ComputeArgs
from infra.data_flow import DataFlow, DataFlowArgs, FlowScript
from infra.datastores import Datastores, DatastoresArgs
from infra.identities import Identities, IdentitiesArgs
from infra.key_vault import KeyVault, KeyVaultArgs
from infra.model_source import SourceStack
from infra.monitoring import Monitoring, MonitoringArgs
from infra.network import NetworkProfile
from infra.parts import Part
from infra.permissions import DEPLOYERS
from infra.placement import place, provider_of
from infra.private_endpoints import PrivateEndpoints, PrivateEndpointsArgs
from infra.registry import Registry, RegistryArgs
from infra.scoring_endpoint import ScoringEndpoint, ScoringEndpointArgs
from infra.serving_groups import ServingGroups, ServingGroupsArgs
from infra.soft_delete import Guards, SoftDelete
from infra.storage import Storage, StorageArgs
from infra.virtual_network import Subnet, VirtualNetwork, VirtualNetworkArgs
from infra.workspace import DEFAULT_DATASTORE, Workspace, WorkspaceArgs

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.sizes import ComputeSettings, ServingSettings

RAW = "raw"
"""Container of the lake with sources as they arrived: jobs read it."""
CURATED = "curated"
"""Container of the lake with what jobs and pipelines make of them."""

PARTS: Mapping[Part, Callable[[Platform], None]] = MappingProxyType(
    {
        Part.DATABRICKS: databricks.declare,
        Part.SQL: sql.declare,
        Part.NOTEBOOKS: notebooks.declare,
        Part.GPU: gpu.declare,
        Part.BATCH: batch_endpoint.declare,
        Part.FILE_TRIGGER: file_trigger.declare,  # after what it starts
        Part.MODEL_REGISTRY: model_registry.declare,
        Part.EDGE: edge.declare,
        Part.KUBERNETES: kubernetes.declare,
        Part.DATA_FACTORY: data_factory.declare,  # after what it links
        Part.FEDERATION: federation.declare,
        Part.OPERATIONS: operations.declare,  # the last one: it logs what the others declare
    }
)
"""How each part is declared: the function `declare` of its service's module. Their order here is that of the graph."""


class Platform(pulumi.ComponentResource):
    """Everything that systems share. The attributes that are `str` are computed from the configuration, so they are
    known in a preview and may go into identities.

    A system says `depends_on=[platform]` to wait for all of it, role assignments included, and must not have the
    platform as its parent: it would wait for itself.
    """

    def __init__(
        self, name: str, settings: Settings, guards: Guards, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """
        Args:
            guards: declares what stands before vault and workspace.
        """
        provider = provider_of(settings)
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[provider]))
        super().__init__("mlops:platform:Platform", name, None, opts)
        self.provider = provider
        self.settings = settings
        self.child = pulumi.ResourceOptions(parent=self)
        self.kubernetes: kubernetes.Kubernetes | None = None
        self.data_factory: data_factory.DataFactory | None = None
        self.batch_endpoint: batch_endpoint.BatchEndpoint | None = None
        self.placement = place(
            settings,
            NetworkProfile.of(settings),
            self.child,
            is_production=settings.is_production,
            given=dict(settings.existing.names()),
        )
        self.resource_group_name: str = self.placement.resource_group_name
        self.subscription_id: str = self.placement.subscription_id
        self.tenant_id: str = self.placement.tenant_id
        self.location: str = self.placement.location
        existing = [existing for _, existing in settings.existing.names()]
        self.soft_delete = SoftDelete(guards, settings.soft_delete, settings.is_production, existing)
        self.network = self._build_network(settings)
        self._build_foundations()
        self.build_agents = self._build_agents()
        self._build_workspace()
        self._build_inside_workspace()
        for part, declare in PARTS.items():
            if part in settings.platform:
                declare(self)
        if settings.policy.assign:
            AzurePolicy("azure-policy", AzurePolicyArgs(placement=self.placement), self.child)
        self.access.grant_rest(self.child)
        self._build_private_endpoints()
        self.register_outputs(self.outputs)

    @cached_property
    def source(self) -> SourceStack | None:
        """The stack whose models are promoted; None where this one trains its own."""
        name = self.settings.promotes_from
        return SourceStack.read(name) if name else None

    @property
    def workspace_name(self) -> str:
        """Name of the Azure ML workspace."""
        return self.workspace.workspace_name

    @property
    def compute_name(self) -> str:
        """Name of the training cluster."""
        return self.compute.compute_name

    @property
    def default_datastore(self) -> str:
        """Name of the datastore that data versions, code and job outputs go to."""
        return DEFAULT_DATASTORE

    @property
    def workspace_inputs(self) -> dict[str, pulumi.Input[str]]:
        """What names the workspace to a resource of the machine learning life cycle."""
        return {
            "subscriptionId": self.subscription_id,
            "resourceGroupName": self.resource_group_name,
            "workspaceName": self.workspace_name,
        }

    @property
    def registry_inputs(self) -> dict[str, pulumi.Input[str]]:
        """What names the registry."""
        agents = {"agentPool": self.build_agents.pool_name} if self.build_agents else {}
        return {
            "id": self.registry.registry_id,
            "name": self.registry.registry_name,
            "loginServer": self.registry.login_server,
            **agents,
        }

    @property
    def staging_inputs(self) -> dict[str, pulumi.Input[str]]:
        """Where an image is tried alone, and who may pull it there."""
        subnet = self.subnet(Purpose.CONTAINERS)
        inside = {"subnetId": subnet.resource_id} if subnet else {}
        return {
            "resourceGroupName": self.resource_group_name,
            "location": self.location,
            "identityId": self.identities.endpoint.resource_id,
            "registryServer": self.registry.login_server,
            **inside,
        }

    def staging(self, serving: ServingSettings) -> dict[str, pulumi.Input[Any]]:
        """The same for a system whose servers need another size."""
        fields = {"cpu": "cpu", "memoryGb": "memory_gb"}
        own = {name: getattr(serving, field) for name, field in fields.items() if field in serving.model_fields_set}
        return {**self.staging_inputs, **own}

    @property
    def outputs(self) -> dict[str, pulumi.Input[str]]:
        """What the stack shows of the platform: names, never keys."""
        return {
            "cloud": self.settings.cloud,
            "subscriptionId": self.subscription_id,
            "location": self.location,
            "resourceGroup": self.resource_group_name,
            "workspace": self.workspace_name,
            "compute": self.compute_name,
            "storageAccount": self.storage.account_name,
            "lakeAccount": self.lake.account_name,
            "keyVault": self.key_vault.vault_name,
            "registry": self.registry.login_server,
            "registryId": self.registry.registry_id,
        }

    def scoring_endpoint(self, system: str) -> ScoringEndpoint:
        """The address at which the model of a system answers."""
        args = ScoringEndpointArgs(
            placement=self.placement,
            workspace=self.workspace,
            identity=self.identities.endpoint,
            role=system.replace("_", "-"),
            after=self._endpoint_roles,
        )
        opts = pulumi.ResourceOptions(providers=[self.provider])
        endpoint = ScoringEndpoint(f"{system}-endpoint", args, opts)
        if Part.OPERATIONS in self.settings.platform:
            operations.log(self, f"{system}-diagnostics", [endpoint.scope], opts)
        return endpoint

    def serving_groups(self, system: str) -> ServingGroups:
        """The address at which the model of a system answers that serves in container groups.

        Raises:
            pulumi.RunError: the stack has no public address to give.
        """
        if self.network:
            raise pulumi.RunError(
                f"The system {system!r} serves in container groups, whose gateway has a public address; "
                f'mlops:networkProfile = "private" has none. Let it serve at an online endpoint (no `target` in '
                f"ml/systems/{system}/system.py), or take it out of mlops:systems."
            )
        role = system.replace("_", "-")
        args = ServingGroupsArgs(placement=self.placement, role=role, key_makers=self._key_makers)
        return ServingGroups(f"{system}-groups", args, pulumi.ResourceOptions(providers=[self.provider]))

    @cached_property
    def _key_makers(self) -> list[pulumi.Resource]:
        """The right to make the keys of container groups, once for all systems."""
        opts = pulumi.ResourceOptions(providers=[self.provider])
        return [
            *self.access.grant("key-makers", DEPLOYERS, opts, on_request=True),
            *self.access.grant("pipelines-key-makers", federation.PIPELINES, opts, on_request=True),
        ]

    def data_flow(self, system: str, script: FlowScript) -> DataFlow:
        """What the stack's Data Factory makes of the raw files of a system."""
        factory = self.data_factory
        assert factory is not None  # noqa: S101 - settings name no flow without one
        args = DataFlowArgs(
            placement=self.placement,
            system=system,
            script=script,
            hour=self.settings.data_factory.hour,
            factory_name=factory.factory_name,
            runtime_name=factory.runtime_name,
            raw=RAW,
            curated=CURATED,
            after=factory.needed,
        )
        return DataFlow(f"{system}-flow", args, pulumi.ResourceOptions(providers=[self.provider]))

    def cluster(self, system: str, compute: ComputeSettings) -> Compute:
        """Where the jobs of a system run: on everybody's cluster, or on one of its own when it asks for another one."""
        if compute.same_cluster(self.settings.compute):
            return self.compute
        args = replace(self.compute_args, settings=compute, role=system.replace("_", "-"))
        return Compute(f"{system}-compute", args, pulumi.ResourceOptions(providers=[self.provider]))

    def _build_network(self, settings: Settings) -> VirtualNetwork | None:
        """The stack's own network, which only the profile `private` has."""
        if not self.placement.network.is_private:
            return None
        args = VirtualNetworkArgs(placement=self.placement, settings=settings.network, purposes=purposes(settings))
        return VirtualNetwork("network", args, self.child)

    def subnet(self, purpose: Purpose) -> Subnet | None:
        """The subnet for a purpose; None where the stack has none for it."""
        return self.network.subnets.get(purpose) if self.network else None

    def _build_agents(self) -> BuildAgents | None:
        """Where the registry's own machines do not reach it."""
        subnet = self.subnet(Purpose.BUILDS)
        if subnet is None:
            return None
        args = BuildAgentsArgs(
            placement=self.placement,
            registry=self.registry,
            subnet=subnet,
            count=self.settings.network.build_agents,
        )
        return BuildAgents("build-agents", args, self.child)

    def _build_private_endpoints(self) -> None:
        """For all that has been declared: the last to be made, the first to go."""
        if self.network is None:
            return
        args = PrivateEndpointsArgs(
            placement=self.placement,
            settings=self.settings.network,
            network=self.network,
            subnet=self.network.subnets[Purpose.ENDPOINTS],
            scopes=tuple(self.access.scopes.values()),
            parts=self.settings.platform,
        )
        self.private_endpoints = PrivateEndpoints("private-endpoints", args, self.child)

    def _build_foundations(self) -> None:
        """What the workspace stands on."""
        here, settings = self.placement, self.settings
        self.monitoring = Monitoring(
            "monitoring", MonitoringArgs(placement=here, settings=settings.monitoring), self.child
        )
        self.storage = Storage(
            "storage",
            StorageArgs(placement=here, settings=settings.storage, role="ml", hierarchical=False),
            self.child,
        )
        lake = StorageArgs(
            placement=here, settings=settings.storage, role="lake", hierarchical=True, containers=(RAW, CURATED)
        )
        self.lake = Storage("lake", lake, self.child)
        self.key_vault = KeyVault("key-vault", KeyVaultArgs(placement=here, soft_delete=self.soft_delete), self.child)
        self.registry = Registry("registry", RegistryArgs(placement=here), self.child)
        self.identities = Identities("identities", IdentitiesArgs(placement=here), self.child)
        self.access = Access(here, str(settings.deployers_group_id), self.identities)
        lake_containers = [self.lake.container_scope(container) for container in (RAW, CURATED)]
        foundations = [part.scope for part in (self.storage, self.lake, self.key_vault, self.registry, self.monitoring)]
        self.access.add(*foundations, *lake_containers)

    def _build_workspace(self) -> None:
        """The workspace, after the roles of its identity and of whoever uses it from outside."""
        args = WorkspaceArgs(
            placement=self.placement,
            identity=self.identities.workspace,
            storage=self.storage,
            lake=self.lake,
            key_vault=self.key_vault,
            registry=self.registry,
            monitoring=self.monitoring,
            soft_delete=self.soft_delete,
            image_build_compute=CPU_CLUSTER,
            approved_hosts=self.settings.network.approved_hosts,
            batch=Part.BATCH in self.settings.platform,
            after=self.access.grant("workspace-identity", "workspace", self.child),
        )
        self.workspace = Workspace("workspace", args, self.child)
        self.access.add(self.workspace.scope)
        self.access.grant("workspace-identity-on-workspace", "workspace", self.child)
        self.access.grant("deployers", DEPLOYERS, self.child)

    def _build_inside_workspace(self) -> None:
        """What runs in the workspace, and what it reads and writes."""
        self.compute_args = ComputeArgs(
            placement=self.placement,
            workspace=self.workspace,
            identity=self.identities.compute,
            settings=self.settings.compute,
            after=self.access.grant("compute-identity", "compute", self.child),
        )
        self.compute = Compute("compute", self.compute_args, self.child)
        lake = DatastoresArgs(placement=self.placement, workspace=self.workspace, lake=self.lake)
        self.datastores = Datastores("datastores", lake, self.child)
        self._endpoint_roles = self.access.grant("endpoint-identity", "endpoint", self.child)
