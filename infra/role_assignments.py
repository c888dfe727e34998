"""Azure role assignments: who may do what, on which resource."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

import pulumi
from pulumi_azure_native import authorization

from infra.resource_id import resource_id, subscription_scope, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.identities import Identity


class Role(Enum):
    """Azure's built-in roles this project gives, by ids that are the same in every tenant ("Azure built-in roles")."""

    CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
    AKS_CLUSTER_USER = "4abbcc35-e782-43d8-92c5-2d3f1bd2253f"
    ACR_DATA_IMPORTER = "577a9874-89fd-4f24-9dbd-b5034d0ad23a"
    ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    AZUREML_REGISTRY_USER = "1823dd4f-9b8c-4ab6-ab4e-7397a3684615"
    AZUREML_DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
    DEVICE_PROVISIONING_DATA_CONTRIBUTOR = "dfce44e4-17b7-4bd1-a6d1-04996ec95633"
    ENTERPRISE_NETWORK_CONNECTION_APPROVER = "b556d68e-0be0-4f35-a333-ad7ee1ce17ea"
    IOT_HUB_DATA_CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"
    KEY_VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
    KEY_VAULT_CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"
    KEY_VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
    MANAGED_IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
    MONITORING_METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
    STORAGE_BLOB_DELEGATOR = "db58b8e5-c6ad-4a2a-8342-4190687cbf4a"
    NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
    STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    STORAGE_BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    STORAGE_FILE_DATA_PRIVILEGED_CONTRIBUTOR = "69566ab7-960f-475b-8e7c-b3118f30c6bd"
    STORAGE_QUEUE_DATA_MESSAGE_PROCESSOR = "8a0f0c08-91a1-4084-bc3d-661d67233fed"
    STORAGE_QUEUE_DATA_MESSAGE_SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"

    @property
    def slug(self) -> str:
        """`storage-blob-data-reader`."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True)
class Scope:
    """A resource of the platform that others are declared on: roles, private endpoints, diagnostic settings. `name` is
    short and goes into logical names.
    """

    name: str
    resource_id: str
    resource: pulumi.Resource

    @property
    def type(self) -> str:
        """Its ARM type."""
        return type_of(self.resource_id)


@dataclass(frozen=True)
class Principal:
    """Who gets a role. `key` is known in a preview and stands for the principal in the assignment's name; Entra hands
    out the principal id itself only when an identity is made.
    """

    key: str
    principal_id: pulumi.Input[str]
    kind: Literal["ServicePrincipal", "Group"]

    @classmethod
    def identity(cls, identity: Identity) -> Principal:
        """A managed identity."""
        return cls(identity.resource_id, identity.principal_id, "ServicePrincipal")

    @classmethod
    def resource(cls, resource_id: str, principal_id: pulumi.Input[str]) -> Principal:
        """The identity that Azure gives a resource itself (system-assigned)."""
        return cls(resource_id, principal_id, "ServicePrincipal")

    @classmethod
    def group(cls, object_id: str) -> Principal:
        """An Entra group."""
        return cls(object_id, object_id, "Group")


@dataclass(frozen=True)
class Grant:
    """One role on one resource."""

    role: Role
    scope: Scope
    condition: str | None = None
    """In Azure's language of conditions: what the role is good for, where that is not everything."""


@dataclass(frozen=True, kw_only=True)
class RoleAssignmentsArgs:
    """All grants of one principal that are wanted at the same point of the graph."""

    subscription_id: str
    principal: Principal
    grants: Sequence[Grant]


def assignment_name(scope_id: str, role: Role, principal_key: str) -> str:
    """The GUID that is the assignment's name: the same three give the same name, so a repeated create finds its own
    work.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join((scope_id.lower(), role.value, principal_key.lower()))))


class RoleAssignments(pulumi.ComponentResource):
    """The grants of one principal. `principalType` is always given: without it Azure looks a new identity up in a
    directory that may not have it yet, and fails.
    """

    def __init__(self, name: str, args: RoleAssignmentsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:authorization:RoleAssignments", name, None, opts)
        self.assignments: list[pulumi.Resource] = [self._assign(name, grant, args) for grant in args.grants]
        self.register_outputs({})

    def _assign(self, name: str, grant: Grant, args: RoleAssignmentsArgs) -> authorization.RoleAssignment:
        scope = grant.scope.resource_id
        return authorization.RoleAssignment(
            f"{name}-{grant.scope.name}-{grant.role.slug}",
            role_assignment_name=assignment_name(scope, grant.role, args.principal.key),
            scope=scope,
            role_definition_id=resource_id(
                subscription_scope(args.subscription_id), "Microsoft.Authorization/roleDefinitions", grant.role.value
            ),
            condition=grant.condition,
            condition_version="2.0" if grant.condition else None,
            principal_id=args.principal.principal_id,
            principal_type=args.principal.kind,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[grant.scope.resource],
                # Azure cannot update an assignment, and the successor has the same name.
                delete_before_replace=True,
                replace_on_changes=["principalId", "principalType", "roleDefinitionId"],
            ),
        )
