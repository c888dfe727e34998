"""The batch endpoint: one address for scoring files, whatever deployment stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.naming import Kind

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class BatchEndpointArgs:
    """The endpoint takes everything from where it is placed."""

    placement: Placement
    workspace: Workspace


class BatchEndpoint(pulumi.ComponentResource):
    """An endpoint that takes Entra tokens only: it knows no key. It answers where the workspace does, so a private
    workspace makes it private, and it costs nothing: the jobs behind it do.

    Its deployments, and which of them is the default, belong to who rolls them out.
    """

    def __init__(self, name: str, args: BatchEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:machinelearning:BatchEndpoint", name, None, opts)
        here = args.placement
        self.endpoint_name = here.naming.name(Kind.BATCH_ENDPOINT)
        self.endpoint_id = here.resource_id(Kind.BATCH_ENDPOINT, args.workspace.workspace_name, self.endpoint_name)
        self.endpoint = ml.BatchEndpoint(
            name,
            endpoint_name=self.endpoint_name,
            workspace_name=args.workspace.workspace_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            properties=ml.BatchEndpointPropertiesArgs(auth_mode="AADToken"),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[here.group, args.workspace.workspace],
                ignore_changes=["properties.defaults"],
            ),
        )
        self.register_outputs({"endpointName": self.endpoint_name, "endpointId": self.endpoint_id})

    @property
    def scoring_uri(self) -> pulumi.Output[str]:
        """Where it is invoked, which only the cloud knows."""
        uri: pulumi.Output[str] = self.endpoint.properties.apply(
            lambda found: (found.scoring_uri or "") if found else ""
        )
        return uri


def declare(platform: Platform) -> None:
    """Declares the endpoint."""
    args = BatchEndpointArgs(placement=platform.placement, workspace=platform.workspace)
    platform.batch_endpoint = BatchEndpoint("batch-endpoint", args, platform.child)
