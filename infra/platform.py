"""The platform: every component, in order, and the names that systems build on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import Provider

from infra import permissions
from infra.compute import CPU_CLUSTER, Compute, ComputeArgs
from infra.datastores import Datastores, DatastoresArgs
from infra.identities import Identities, IdentitiesArgs
from infra.key_vault import KeyVault, KeyVaultArgs
from infra.monitoring import Monitoring, MonitoringArgs
from infra.naming import Kind, Naming, required_tags
from infra.network import NetworkProfile
from infra.placement import Placement
from infra.registry import Registry, RegistryArgs
from infra.resource_group import ResourceGroup, ResourceGroupArgs
from infra.role_assignments import Grant, Principal, RoleAssignments, RoleAssignmentsArgs
from infra.scoring_endpoint import ScoringEndpoint, ScoringEndpointArgs
from infra.serving_groups import ServingGroups, ServingGroupsArgs
from infra.storage import Storage, StorageArgs
from infra.workspace import DEFAULT_DATASTORE, Workspace, WorkspaceArgs

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.sizes import ComputeSettings, ServingSettings

RAW = "raw"
"""Container of the lake with sources as they arrived: jobs read it."""
CURATED = "curated"
"""Container of the lake with what jobs and pipelines make of them."""


class Platform(pulumi.ComponentResource):
    """Everything that systems share. The attributes that are `str` are computed from the configuration, so they are
    known in a preview and may go into identities.

    A system says `depends_on=[platform]` to wait for all of it, role assignments included, and must not have the
    platform as its parent: it would wait for itself.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        provider = Provider(
            "azure",
            subscription_id=str(settings.subscription_id),
            tenant_id=str(settings.tenant_id),
            location=settings.location,
        )
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[provider]))
        super().__init__("mlops:platform:Platform", name, None, opts)
        self.provider = provider
        self.settings = settings
        self._child = pulumi.ResourceOptions(parent=self)
        self.placement = self._place(settings)
        self.resource_group_name: str = self.placement.resource_group_name
        self.subscription_id: str = self.placement.subscription_id
        self.tenant_id: str = self.placement.tenant_id
        self.location: str = self.placement.location
        self._build_foundations()
        self._build_workspace()
        self._build_inside_workspace()
        self.register_outputs(self.outputs)

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
        return {
            "id": self.registry.registry_id,
            "name": self.registry.registry_name,
            "loginServer": self.registry.login_server,
        }

    @property
    def staging_inputs(self) -> dict[str, pulumi.Input[str]]:
        """Where an image is tried alone, and who may pull it there."""
        return {
            "resourceGroupName": self.resource_group_name,
            "location": self.location,
            "identityId": self.identities.endpoint.resource_id,
            "registryServer": self.registry.login_server,
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
        return ScoringEndpoint(f"{system}-endpoint", args, pulumi.ResourceOptions(providers=[self.provider]))

    def serving_groups(self, system: str) -> ServingGroups:
        """The address at which the model of a system answers that serves in container groups."""
        args = ServingGroupsArgs(
            placement=self.placement,
            vault=self.key_vault,
            deployers_group_id=str(self.settings.deployers_group_id),
            role=system.replace("_", "-"),
        )
        return ServingGroups(f"{system}-groups", args, pulumi.ResourceOptions(providers=[self.provider]))

    def cluster(self, system: str, compute: ComputeSettings) -> Compute:
        """Where the jobs of a system run: on everybody's cluster, or on one of its own when it asks for another one."""
        if compute.same_cluster(self.settings.compute):
            return self.compute
        args = replace(self._compute_args, settings=compute, role=system.replace("_", "-"))
        return Compute(f"{system}-compute", args, pulumi.ResourceOptions(providers=[self.provider]))

    def _place(self, settings: Settings) -> Placement:
        stack = pulumi.get_stack()
        naming = Naming.of(
            subscription_id=str(settings.subscription_id),
            project=pulumi.get_project(),
            stack=stack,
            salt=settings.name_salt,
        )
        tags = required_tags(settings, stack)
        group_name = naming.name(Kind.RESOURCE_GROUP)
        args = ResourceGroupArgs(name=group_name, location=settings.location, tags=tags)
        self.resource_group = ResourceGroup("resource-group", args, self._child)
        return Placement(
            subscription_id=str(settings.subscription_id),
            tenant_id=str(settings.tenant_id),
            resource_group_name=group_name,
            group=self.resource_group.resource,
            location=settings.location,
            tags=tags,
            naming=naming,
            network=NetworkProfile.of(settings),
            is_production=settings.is_production,
        )

    def _build_foundations(self) -> None:
        """What the workspace stands on."""
        here, settings = self.placement, self.settings
        self.monitoring = Monitoring(
            "monitoring", MonitoringArgs(placement=here, settings=settings.monitoring), self._child
        )
        self.storage = Storage(
            "storage",
            StorageArgs(placement=here, settings=settings.storage, role="ml", hierarchical=False),
            self._child,
        )
        lake = StorageArgs(
            placement=here, settings=settings.storage, role="lake", hierarchical=True, containers=(RAW, CURATED)
        )
        self.lake = Storage("lake", lake, self._child)
        self.key_vault = KeyVault("key-vault", KeyVaultArgs(placement=here), self._child)
        self.registry = Registry("registry", RegistryArgs(placement=here), self._child)
        self.identities = Identities("identities", IdentitiesArgs(placement=here), self._child)

    def _build_workspace(self) -> None:
        """The workspace, after the roles of its identity and of whoever uses it from outside."""
        grants = permissions.workspace_identity(
            self.storage, self.lake, self.key_vault, self.registry, self.monitoring, self.placement.network
        )
        workspace_identity = Principal.identity(self.identities.workspace)
        args = WorkspaceArgs(
            placement=self.placement,
            identity=self.identities.workspace,
            storage=self.storage,
            lake=self.lake,
            key_vault=self.key_vault,
            registry=self.registry,
            monitoring=self.monitoring,
            image_build_compute=CPU_CLUSTER,
            after=self._assign("workspace-identity", workspace_identity, grants),
        )
        self.workspace = Workspace("workspace", args, self._child)
        on_itself = permissions.workspace_identity_on_workspace(self.workspace)
        self._assign("workspace-identity-on-workspace", workspace_identity, on_itself)
        deployers = permissions.deployers(self.storage, self.lake, self.workspace)
        self._assign("deployers", Principal.group(str(self.settings.deployers_group_id)), deployers)

    def _build_inside_workspace(self) -> None:
        """What runs in the workspace, and what it reads and writes."""
        grants = permissions.compute_identity(self.storage, self.lake, self.registry, reads=RAW, writes=CURATED)
        self._compute_args = ComputeArgs(
            placement=self.placement,
            workspace=self.workspace,
            identity=self.identities.compute,
            settings=self.settings.compute,
            after=self._assign("compute-identity", Principal.identity(self.identities.compute), grants),
        )
        self.compute = Compute("compute", self._compute_args, self._child)
        lake = DatastoresArgs(placement=self.placement, workspace=self.workspace, lake=self.lake)
        self.datastores = Datastores("datastores", lake, self._child)
        endpoint = permissions.endpoint_identity(self.storage, self.registry, self.monitoring)
        self._endpoint_roles = self._assign("endpoint-identity", Principal.identity(self.identities.endpoint), endpoint)

    def _assign(self, name: str, principal: Principal, grants: list[Grant]) -> list[pulumi.Resource]:
        args = RoleAssignmentsArgs(subscription_id=self.subscription_id, principal=principal, grants=grants)
        return RoleAssignments(name, args, self._child).assignments
