"""Azure ML datastores on the data lake, without stored credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.naming import Kind

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.storage import Storage
    from infra.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class DatastoresArgs:
    """One datastore for each container of the lake."""

    placement: Placement
    workspace: Workspace
    lake: Storage


class Datastores(pulumi.ComponentResource):
    """`lake_<container>`: whoever reads or writes does so with an identity of their own, a job with that of its
    cluster.
    """

    def __init__(self, name: str, args: DatastoresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:machinelearning:Datastores", name, None, opts)
        self.names = {
            container: args.placement.naming.name(Kind.ML_DATASTORE, f"{args.lake.role}_{container}")
            for container in args.lake.containers
        }
        self.datastores = {container: self._datastore(name, container, args) for container in args.lake.containers}
        self.register_outputs({"names": self.names})

    def _datastore(self, name: str, container: str, args: DatastoresArgs) -> ml.Datastore:
        return ml.Datastore(
            f"{name}-{container}",
            name=self.names[container],
            workspace_name=args.workspace.workspace_name,
            resource_group_name=args.placement.resource_group_name,
            skip_validation=True,
            properties=ml.AzureDataLakeGen2DatastoreArgs(
                datastore_type="AzureDataLakeGen2",
                account_name=args.lake.account_name,
                filesystem=container,
                protocol="https",
                credentials=ml.NoneDatastoreCredentialsArgs(credentials_type="None"),
            ),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[args.workspace.workspace, args.lake.containers[container]]
            ),
        )
