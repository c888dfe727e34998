"""Resource types that ARM itself and its small neighbours bring: groups, role assignments, locks, identities."""

from __future__ import annotations

import uuid

from emulator.errors import ServiceError
from emulator.service import ResourceType
from emulator.settings import LOCATIONS, TENANT_ID
from emulator.store import Document


def require_location(document: Document) -> None:
    """400 for a location the emulator does not know."""
    location = str(document.body.get("location", "")).lower().replace(" ", "")
    if location not in LOCATIONS:
        given = document.body.get("location")
        message = f"The provided location '{given}' is not available. Available: {', '.join(LOCATIONS)}."
        raise ServiceError(400, "LocationNotAvailableForResourceType", message)


class ResourceGroup(ResourceType):
    """Deleting it deletes all inside."""

    type = "Microsoft.Resources/resourceGroups"
    long_running_delete = True

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        if old and old.body["location"].lower() != document.body["location"].lower():
            there = f"The Resource group already exists in location '{old.body['location']}'."
            message = f"Invalid resource group location '{document.body['location']}'. {there}"
            raise ServiceError(409, "InvalidResourceGroupLocation", message)
        document.properties["provisioningState"] = "Succeeded"


class RoleAssignment(ResourceType):
    """Recorded; a second assignment of the same role to the same principal at the same scope is refused, as Azure
    refuses it.
    """

    type = "Microsoft.Authorization/roleAssignments"

    def prepare(self, document: Document, old: Document | None) -> None:
        document.properties["scope"] = document.resource.scope
        if old and any(
            old.properties.get(key) != document.properties.get(key) for key in ("principalId", "roleDefinitionId")
        ):
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise ServiceError(400, "RoleAssignmentUpdateNotPermitted", message)


class RoleDefinition(ResourceType):
    """A custom role."""

    type = "Microsoft.Authorization/roleDefinitions"


class Lock(ResourceType):
    """A management lock; `emulator.arm.locks` enforces it."""

    type = "Microsoft.Authorization/locks"


class UserAssignedIdentity(ResourceType):
    """Its principal and client ids follow from its id, so that a second creation gives the same ones."""

    type = "Microsoft.ManagedIdentity/userAssignedIdentities"

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        document.properties.update(
            tenantId=TENANT_ID,
            principalId=str(uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#principal")),
            clientId=str(uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#client")),
        )


class DiagnosticSetting(ResourceType):
    """Where a resource's logs and metrics go."""

    type = "Microsoft.Insights/diagnosticSettings"


ARM_TYPES: tuple[type[ResourceType], ...] = (
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    Lock,
    UserAssignedIdentity,
    DiagnosticSetting,
)
