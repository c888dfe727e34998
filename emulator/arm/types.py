"""Resource types that ARM itself and its small neighbours bring: groups, locks, identities."""

from __future__ import annotations

import uuid

from emulator.arm.filters import conditions, has_tag
from emulator.arm.roles import RoleAssignment, RoleDefinition
from emulator.errors import ServiceError
from emulator.http import Request
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

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        wanted = conditions(request, ("tagName", "tagValue"))
        return [document for document in documents if has_tag(document, wanted)]


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


class Kept(ResourceType):
    """A type that Azure does no more with, as far as a program can see, than keep what it is told."""

    def __init__(self, resource_type: str) -> None:
        self.type = resource_type

    def prepare(self, document: Document, old: Document | None) -> None:
        if "location" in document.body and str(document.body["location"]).lower() != "global":
            require_location(document)
        document.properties.setdefault("provisioningState", "Succeeded")


KEPT = (
    "Microsoft.Compute/virtualMachineScaleSets",
    "Microsoft.Consumption/budgets",
    "Microsoft.ContainerRegistry/registries/agentPools",
    "Microsoft.ContainerService/managedClusters/agentPools",
    "Microsoft.ContainerService/managedClusters/maintenanceConfigurations",
    "Microsoft.DataFactory/factories/credentials",
    "Microsoft.DataFactory/factories/dataflows",
    "Microsoft.DataFactory/factories/datasets",
    "Microsoft.DataFactory/factories/integrationRuntimes",
    "Microsoft.DataFactory/factories/linkedservices",
    "Microsoft.DataFactory/factories/managedVirtualNetworks",
    "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints",
    "Microsoft.DataFactory/factories/pipelines",
    "Microsoft.DataFactory/factories/triggers",
    "Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions",
    "Microsoft.Insights/actionGroups",
    "Microsoft.Insights/dataCollectionRuleAssociations",
    "Microsoft.Insights/dataCollectionRules",
    "Microsoft.Insights/metricAlerts",
    "Microsoft.Insights/scheduledQueryRules",
    "Microsoft.Insights/workbooks",
    "Microsoft.KeyVault/vaults/keys",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    "Microsoft.Network/natGateways",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
    "Microsoft.Sql/servers/auditingSettings",
    "Microsoft.Sql/servers/firewallRules",
    "Microsoft.Storage/storageAccounts/queueServices/queues",
)
"""One line each; a type whose answer holds something that only Azure knows has a class instead."""

ARM_TYPES: tuple[type[ResourceType], ...] = (
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    Lock,
    UserAssignedIdentity,
    DiagnosticSetting,
)
