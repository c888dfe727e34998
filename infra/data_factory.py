"""Azure Data Factory: what moves and reshapes files of the lake, on a schedule or on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pulumi
from pulumi_azure_native import databricks, resources
from pulumi_azure_native import datafactory as adf

from infra.datasets import Datasets, DatasetsArgs
from infra.naming import Kind
from infra.role_assignments import Scope
from infra.sql import DATABASE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.identities import Identity
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.storage import Storage

ROLE = "data-factory"
CREDENTIAL = "factory"
LAKE, SQL, DATABRICKS = "lake", "sql", "databricks"
"""Linked services, each on the scope of the same name."""
MANAGED_NETWORK = "default"
NETWORK_TYPE, NETWORK_VERSION = "managedVirtualNetworks", "2018-06-01"
SPARK_VERSION = "17.3.x-scala2.13"
"""A Databricks runtime with long-term support."""
NODE = "Standard_D4ds_v5"


@dataclass(frozen=True, kw_only=True)
class DataFactoryArgs:
    """`scopes`: the resources that are there to be linked, by name. `managed_network`: whether the factory has one."""

    placement: Placement
    identity: Identity
    lake: Storage
    scopes: Mapping[str, Scope]
    managed_network: bool = False


class DataFactory(pulumi.ComponentResource):
    """A factory that signs in everywhere with one user-assigned identity: it keeps no connection string, no key and no
    token. It costs nothing while no pipeline runs; a data flow costs about two euros an hour for its eight cores.

    Services without a public address (all of them in `private`, the lake in `hybrid`, a SQL server anywhere) are
    reached from the factory's managed network, by managed private endpoints that whoever owns the service approves.
    Azure takes such a network back only with its factory.
    """

    def __init__(self, name: str, args: DataFactoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:datafactory:DataFactory", name, None, opts)
        self._name, self._args = name, args
        self.factory_name = args.placement.naming.name(Kind.DATA_FACTORY)
        self.factory_id = args.placement.resource_id(Kind.DATA_FACTORY, self.factory_name)
        self.factory = self._factory()
        self._credential()
        self.network = self._network() if args.managed_network else None
        self.runtime = self._runtime()
        if self.network:
            self._private_endpoints(self.network)
        self.links = self._links()
        self.datasets = self._datasets()
        self.register_outputs({"factoryName": self.factory_name})

    @property
    def scope(self) -> Scope:
        """The factory."""
        return Scope("data-factory", self.factory_id, self.factory)

    @property
    def needed(self) -> list[pulumi.Resource]:
        """What has to be there before something runs in the factory."""
        return [self.factory, self.runtime, *self.datasets.made]

    def _inside(self, *more: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[self.factory, *more])

    def _factory(self) -> adf.Factory:
        placement, identity = self._args.placement, self._args.identity
        return adf.Factory(
            self._name,
            factory_name=self.factory_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            identity=adf.FactoryIdentityArgs(type="UserAssigned", user_assigned_identities={identity.resource_id: {}}),
            public_network_access=placement.network.public_access,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[placement.group, identity.resource], protect=placement.is_production
            ),
        )

    def _credential(self) -> None:
        """The identity by a name that linked services can point to."""
        self.credential = adf.CredentialOperation(
            f"{self._name}-credential",
            credential_name=self._args.placement.naming.name(Kind.DATA_FACTORY_CREDENTIAL, CREDENTIAL),
            factory_name=self.factory_name,
            resource_group_name=self._args.placement.resource_group_name,
            properties=adf.ManagedIdentityCredentialArgs(
                type="ManagedIdentity", resource_id=self._args.identity.resource_id
            ),
            opts=self._inside(self._args.identity.resource),
        )

    def _network(self) -> resources.Resource:
        """azure-native has no resource for it, because it wants to delete what it makes, and Azure has no DELETE for
        this one (its issue 896). Its generic resource sends what the API "Managed Virtual Networks - Create Or Update"
        takes; the network goes with the factory.
        """
        namespace = Kind.DATA_FACTORY_NETWORK.split("/")[0]
        return resources.Resource(
            f"{self._name}-network",
            api_version=NETWORK_VERSION,
            resource_group_name=self._args.placement.resource_group_name,
            resource_provider_namespace=namespace,
            parent_resource_path=f"factories/{self.factory_name}",
            resource_type=NETWORK_TYPE,
            resource_name_=self._args.placement.naming.name(Kind.DATA_FACTORY_NETWORK, MANAGED_NETWORK),
            properties={},
            opts=pulumi.ResourceOptions.merge(self._inside(), pulumi.ResourceOptions(retain_on_delete=True)),
        )

    def _runtime(self) -> adf.IntegrationRuntime:
        """Eight cores for data flows, kept for ten minutes: a second flow need not wait for them. Azure lets no runtime
        into another network, so it has another name there, and what uses it moves over before the old one goes.
        """
        placement = self._args.placement
        network = adf.ManagedVirtualNetworkReferenceArgs(
            reference_name=MANAGED_NETWORK, type="ManagedVirtualNetworkReference"
        )
        role = "flows-inside" if self.network else "flows"
        self.runtime_name = placement.naming.name(Kind.DATA_FACTORY_RUNTIME, role)
        return adf.IntegrationRuntime(
            f"{self._name}-runtime",
            integration_runtime_name=self.runtime_name,
            factory_name=self.factory_name,
            resource_group_name=placement.resource_group_name,
            properties=adf.ManagedIntegrationRuntimeArgs(
                type="Managed",
                compute_properties=adf.IntegrationRuntimeComputePropertiesArgs(
                    location=placement.location,
                    data_flow_properties=adf.IntegrationRuntimeDataFlowPropertiesArgs(
                        compute_type="General", core_count=8, time_to_live=10, cleanup=False
                    ),
                ),
                managed_virtual_network=network if self.network else None,
            ),
            opts=self._inside(*([self.network] if self.network else [])),
        )

    def _private_endpoints(self, network: pulumi.Resource) -> None:
        groups = {LAKE: ("dfs", "blob"), SQL: ("sqlServer",), DATABRICKS: ("databricks_ui_api",)}
        for link, wanted in groups.items():
            public = link != SQL and self._args.placement.network.is_open
            if link not in self._args.scopes or public:
                continue
            scope = self._args.scopes[link]
            for group in wanted:
                role = f"{link}-{group}".lower().replace("_", "-")
                adf.ManagedPrivateEndpoint(
                    f"{self._name}-{role}-endpoint",
                    managed_private_endpoint_name=self._args.placement.naming.name(Kind.DATA_FACTORY_ENDPOINT, role),
                    managed_virtual_network_name=MANAGED_NETWORK,
                    factory_name=self.factory_name,
                    resource_group_name=self._args.placement.resource_group_name,
                    properties=adf.ManagedPrivateEndpointArgs(
                        private_link_resource_id=scope.resource_id, group_id=group
                    ),
                    opts=self._inside(network, scope.resource),
                )

    def _links(self) -> dict[str, pulumi.Resource]:
        runtime = adf.IntegrationRuntimeReferenceArgs(
            reference_name=self.runtime_name, type="IntegrationRuntimeReference"
        )
        credential = adf.CredentialReferenceArgs(reference_name=CREDENTIAL, type="CredentialReference")
        scopes = self._args.scopes
        links = {
            LAKE: self._link(
                LAKE,
                adf.AzureBlobFSLinkedServiceArgs(
                    type="AzureBlobFS",
                    url=self._args.lake.account.primary_endpoints.apply(lambda found: found.dfs),
                    credential=credential,
                    connect_via=runtime,
                ),
            )
        }
        if server := scopes.get(SQL):
            links[SQL] = self._link(
                SQL,
                adf.AzureSqlDatabaseLinkedServiceArgs(
                    type="AzureSqlDatabase",
                    server=f"{server.resource_id.rsplit('/', 1)[1]}.database.windows.net",
                    database=DATABASE,
                    encrypt="mandatory",
                    authentication_type="UserAssignedManagedIdentity",
                    credential=credential,
                    connect_via=runtime,
                ),
            )
        if workspace := scopes.get(DATABRICKS):
            url = cast("databricks.Workspace", workspace.resource).workspace_url
            links[DATABRICKS] = self._link(
                DATABRICKS,
                adf.AzureDatabricksLinkedServiceArgs(
                    type="AzureDatabricks",
                    domain=pulumi.Output.concat("https://", url),
                    authentication="MSI",
                    workspace_resource_id=workspace.resource_id,
                    new_cluster_version=SPARK_VERSION,
                    new_cluster_node_type=NODE,
                    new_cluster_num_of_worker="1:2",
                    credential=credential,
                    connect_via=runtime,
                ),
            )
        return links

    def _datasets(self) -> Datasets:
        args = DatasetsArgs(
            placement=self._args.placement, factory_name=self.factory_name, links=self.links, after=[self.factory]
        )
        return Datasets(f"{self._name}-datasets", args, pulumi.ResourceOptions(parent=self))

    def _link(
        self,
        scope: str,
        properties: adf.AzureBlobFSLinkedServiceArgs
        | adf.AzureSqlDatabaseLinkedServiceArgs
        | adf.AzureDatabricksLinkedServiceArgs,
    ) -> pulumi.Resource:
        link: pulumi.Resource = adf.LinkedService(
            f"{self._name}-{scope}-link",
            linked_service_name=self._args.placement.naming.name(Kind.DATA_FACTORY_LINK, scope),
            factory_name=self.factory_name,
            resource_group_name=self._args.placement.resource_group_name,
            properties=properties,
            opts=self._inside(self.credential, self.runtime, self._args.scopes[scope].resource),
        )
        return link


def declare(platform: Platform) -> None:
    """The factory, with what the platform has to be linked. What it does with files, systems say."""
    placement = platform.placement
    args = DataFactoryArgs(
        placement=placement,
        identity=platform.identities.get(ROLE),
        lake=platform.lake,
        scopes=platform.access.scopes,
        managed_network=platform.settings.data_factory.has_network(closed=not placement.network.is_open),
    )
    platform.data_factory = DataFactory("data-factory", args, platform.child)
    platform.access.add(platform.data_factory.scope)
