"""Role assignments and definitions, Azure's built-in roles among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator import access
from emulator.arm.filters import conditions
from emulator.errors import ServiceError
from emulator.http import Request
from emulator.resource_id import ResourceId
from emulator.service import ResourceType
from emulator.settings import SUBSCRIPTION_ID
from emulator.store import Document

BLOBS = "Microsoft.Storage/storageAccounts/blobServices"
SECRETS = "Microsoft.KeyVault/vaults/secrets"
CONTAINERS = {"actions": [f"{BLOBS}/containers/read", f"{BLOBS}/generateUserDelegationKey/action"]}
BUILT_IN: Mapping[str, tuple[str, Mapping[str, list[str]]]] = {
    access.OWNER: ("Owner", {"actions": ["*"]}),
    access.CONTRIBUTOR: (
        "Contributor",
        {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]},
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": ("Reader", {"actions": ["*/read"]}),
    access.ACR_PULL: ("AcrPull", {"actions": ["Microsoft.ContainerRegistry/registries/pull/read"]}),
    access.ACR_PUSH: (
        "AcrPush",
        {
            "actions": [
                "Microsoft.ContainerRegistry/registries/pull/read",
                "Microsoft.ContainerRegistry/registries/push/write",
            ]
        },
    ),
    access.MONITORING_METRICS_PUBLISHER: (
        "Monitoring Metrics Publisher",
        {"dataActions": ["Microsoft.Insights/Metrics/Write", "Microsoft.Insights/Telemetry/Write"]},
    ),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": (
        "Storage Blob Data Reader",
        {**CONTAINERS, "dataActions": [f"{BLOBS}/containers/blobs/read"]},
    ),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": (
        "Storage Blob Data Contributor",
        {
            "actions": [*CONTAINERS["actions"], f"{BLOBS}/containers/delete", f"{BLOBS}/containers/write"],
            "dataActions": [
                f"{BLOBS}/containers/blobs/{name}" for name in ("delete", "read", "write", "move/action", "add/action")
            ],
        },
    ),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": (
        "Storage Blob Data Owner",
        {
            "actions": [f"{BLOBS}/containers/*", f"{BLOBS}/generateUserDelegationKey/action"],
            "dataActions": [f"{BLOBS}/containers/blobs/*"],
        },
    ),
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": (
        "Key Vault Administrator",
        {"dataActions": ["Microsoft.KeyVault/vaults/*"]},
    ),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": ("Key Vault Secrets Officer", {"dataActions": [f"{SECRETS}/*"]}),
    "4633458b-17de-408a-b874-0445c86b69e6": (
        "Key Vault Secrets User",
        {"dataActions": [f"{SECRETS}/getSecret/action", f"{SECRETS}/readMetadata/action"]},
    ),
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": (
        "AzureML Data Scientist",
        {"actions": [f"Microsoft.MachineLearningServices/workspaces/*/{name}" for name in ("read", "action", "write")]},
    ),
}
"""Those that machine learning needs, by id: name and, in short, what they grant. Others of Azure's are not listed.

https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""


class RoleAssignment(ResourceType):
    """Recorded; a second assignment of the same role to the same principal at the same scope is refused, as Azure
    refuses it.
    """

    type = access.ROLE_ASSIGNMENT

    def prepare(self, document: Document, old: Document | None) -> None:
        document.properties["scope"] = document.resource.scope
        if old and any(
            old.properties.get(key) != document.properties.get(key) for key in ("principalId", "roleDefinitionId")
        ):
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise ServiceError(400, "RoleAssignmentUpdateNotPermitted", message)

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        """`principalId eq '…'`, `assignedTo('…')` (there are no groups here) and `atScope()`."""
        wanted = conditions(request, ("principalId", "assignedTo", "atScope"))
        principal = wanted.get("principalid") or wanted.get("assignedto")
        return [one for one in documents if principal in (None, one.properties.get("principalId"))]


class RoleDefinition(ResourceType):
    """A built-in role, or one of the subscription's own."""

    type = "Microsoft.Authorization/roleDefinitions"

    def implicit(self, resource: ResourceId) -> Document | None:
        return built_in(resource.name.lower())

    def implicit_children(self, collection: ResourceId) -> Sequence[Document]:
        return [found for found in map(built_in, BUILT_IN) if found]

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        wanted = conditions(request, ("roleName", "type", "atScopeAndBelow"))
        name, kind = wanted.get("rolename"), wanted.get("type")
        named = [one for one in documents if name in (None, one.properties.get("roleName"))]
        return [one for one in named if kind is None or (one.properties.get("type") or "CustomRole") == kind]


def built_in(identifier: str) -> Document | None:
    """One of Azure's roles, None when the id is not among those known here."""
    found = BUILT_IN.get(identifier)
    if found is None:
        return None
    name, granted = found
    permission = {"actions": [], "notActions": [], "dataActions": [], "notDataActions": [], **granted}
    properties: dict[str, Any] = {
        "roleName": name,
        "type": "BuiltInRole",
        "assignableScopes": ["/"],
        "permissions": [permission],
    }
    where = f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions"
    return Document(f"{where}/{identifier}", {"properties": properties})
