"""The address of a system's model: an online endpoint. What answers behind it is not decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import machinelearningservices as ml
from pulumi_azure_native import resources

from infra.naming import Kind
from infra.role_assignments import Scope
from infra.unread import UnreadIdentity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.identities import Identity
    from infra.placement import Placement
    from infra.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class ScoringEndpointArgs:
    """`role`: short name of the system. `after`: the role assignments of the identity, so that the first deployment
    finds its image and its model.
    """

    placement: Placement
    workspace: Workspace
    identity: Identity
    role: str
    after: Sequence[pulumi.Resource]


class _Endpoint(UnreadIdentity, ml.OnlineEndpoint):  # type: ignore[misc]
    pass


class ScoringEndpoint(pulumi.ComponentResource):
    """An endpoint that asks for a key. Its deployments and its traffic belong to the system's rollout. Nothing says
    that Azure keeps the traffic of an endpoint on a PUT that does not name it, so a change of tags, the one thing here
    that does change, goes another way.
    """

    def __init__(self, name: str, args: ScoringEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:machinelearning:ScoringEndpoint", name, None, opts)
        self.name = name
        placement = args.placement
        self.endpoint_name = placement.naming.name(Kind.ONLINE_ENDPOINT, args.role)
        self.endpoint_id = placement.resource_id(
            Kind.ONLINE_ENDPOINT, args.workspace.workspace_name, self.endpoint_name
        )
        self.endpoint = _Endpoint(
            name,
            endpoint_name=self.endpoint_name,
            workspace_name=args.workspace.workspace_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            identity=ml.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.identity.resource_id]
            ),
            properties=ml.OnlineEndpointPropertiesArgs(
                auth_mode="Key", public_network_access=placement.network.public_access
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.workspace.workspace, args.identity.resource, *args.after],
                ignore_changes=["properties.traffic", "properties.mirrorTraffic", "tags"],
            ),
        )
        # A change of tags is a request of its own, which touches nothing else.
        self.tags = resources.TagAtScope(
            f"{name}-tags",
            scope=self.endpoint_id,
            properties=resources.TagsArgs(tags=placement.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.endpoint]),
        )
        self.needed: list[pulumi.Resource] = [self.endpoint, self.tags]
        """What a rollout waits for."""
        self.register_outputs({"endpointName": self.endpoint_name, "endpointId": self.endpoint_id})

    @property
    def scope(self) -> Scope:
        """The endpoint, for its diagnostic setting."""
        return Scope(self.name, self.endpoint_id, self.endpoint)
