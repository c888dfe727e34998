"""Role assignments and definitions, Azure's built-in roles among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator import access
from emulator.arm.filters import conditions
from emulator.conditions import read_condition
from emulator.entra.directory import groups_of
from emulator.errors import ServiceError
from emulator.http import Request
from emulator.resource_id import ResourceId
from emulator.roles import BUILT_IN
from emulator.service import ResourceType
from emulator.settings import SUBSCRIPTION_ID
from emulator.store import Document

ATTRIBUTES = ("roleDefinitionId", "principalId", "principalType")


class RoleAssignment(ResourceType):
    """What `emulator.access` answers from; whom and which role it is about cannot be changed, as on Azure."""

    type = access.ROLE_ASSIGNMENT

    def prepare(self, document: Document, old: Document | None) -> None:
        document.properties["scope"] = document.resource.scope
        read_condition(document.properties.get("condition") or "ActionMatches{'*'}")
        if old and any(
            old.properties.get(key) != document.properties.get(key) for key in ("principalId", "roleDefinitionId")
        ):
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise ServiceError(400, "RoleAssignmentUpdateNotPermitted", message)

    def attributes(self, request: Request, there: Document | None) -> Mapping[str, str]:
        """https://learn.microsoft.com/azure/role-based-access-control/conditions-authorization-actions-attributes."""
        said = request.json() if request.method == "PUT" else None
        given = said.get("properties") if isinstance(said, dict) else None
        found = {"resource": there.properties if there else {}, "request": given if isinstance(given, dict) else {}}
        return {
            f"{source}:{self.type}:{name}".lower(): str(properties[name]).rpartition("/")[2]
            for source, properties in found.items()
            for name in ATTRIBUTES
            if properties.get(name)
        }

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        """`principalId eq '…'`, `assignedTo('…')`, which counts groups too, and `atScope()`."""
        wanted = conditions(request, ("principalId", "assignedTo", "atScope"))
        holder = wanted.get("assignedto")
        among = [holder, *groups_of(holder)] if holder else [wanted.get("principalid")]
        return [one for one in documents if among == [None] or one.properties.get("principalId") in among]


class RoleDefinition(ResourceType):
    """A built-in role, or one of the subscription's own."""

    type = access.ROLE_DEFINITION

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
    permissions = [
        {
            "actions": list(one.actions),
            "notActions": list(one.not_actions),
            "dataActions": list(one.data_actions),
            "notDataActions": list(one.not_data_actions),
        }
        for one in found.permissions
    ]
    properties: dict[str, Any] = {
        "roleName": found.name,
        "type": "BuiltInRole",
        "assignableScopes": ["/"],
        "permissions": permissions,
    }
    where = f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions"
    return Document(f"{where}/{identifier}", {"properties": properties})
