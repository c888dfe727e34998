"""User-assigned managed identities: one for each role, never shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import managedidentity

from infra.naming import Kind

if TYPE_CHECKING:
    from infra.placement import Placement


@dataclass(frozen=True)
class Identity:
    """One identity. Name and resource id are known before it exists; Entra gives out the other two."""

    name: str
    resource_id: str
    principal_id: pulumi.Output[str]
    client_id: pulumi.Output[str]
    resource: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class IdentitiesArgs:
    """The identities take everything from where they are placed. `roles`: those that there are from the start."""

    placement: Placement
    roles: tuple[str, ...] = ("workspace", "compute", "endpoint")


class Identities(pulumi.ComponentResource):
    """`workspace`: the Azure ML service on behalf of the workspace. `compute`: jobs. `endpoint`: scoring servers. Parts
    of the platform ask for theirs by role.
    """

    def __init__(self, name: str, args: IdentitiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:identity:Identities", name, None, opts)
        self._name, self._placement = name, args.placement
        self._made: dict[str, Identity] = {}
        for role in args.roles:
            self.get(role)
        self.register_outputs({role: identity.resource_id for role, identity in self._made.items()})

    @property
    def workspace(self) -> Identity:
        """The Azure ML service on behalf of the workspace."""
        return self.get("workspace")

    @property
    def compute(self) -> Identity:
        """Jobs."""
        return self.get("compute")

    @property
    def endpoint(self) -> Identity:
        """Scoring servers."""
        return self.get("endpoint")

    def get(self, role: str) -> Identity:
        """The identity of a role, declared when it is first asked for."""
        if role not in self._made:
            self._made[role] = self._identity(self._name, role, self._placement)
        return self._made[role]

    def has(self, role: str) -> bool:
        """Whether something of the stack has asked for this role's identity."""
        return role in self._made

    def _identity(self, name: str, role: str, placement: Placement) -> Identity:
        identity_name = placement.naming.name(Kind.IDENTITY, role)
        resource = managedidentity.UserAssignedIdentity(
            f"{name}-{role}",
            resource_name_=identity_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group]),
        )
        return Identity(
            name=identity_name,
            resource_id=placement.resource_id(Kind.IDENTITY, identity_name),
            principal_id=resource.principal_id,
            client_id=resource.client_id,
            resource=resource,
        )
