"""Which resource types are in the table, and the pinned package the layout of each is read from.

Adding a type is one word in `TYPES`; a service that is new here also needs its package in `SOURCES`.
"""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """A module of a published client package."""

    distribution: str
    version: str
    module: str


PULUMI_AZURE_NATIVE = "3.29.0"

# Each version is the one whose models are of the API version azure-native uses, or the nearest.
SOURCES = {
    "application_insights": Source(
        "azure-mgmt-applicationinsights", "4.1.0", "azure.mgmt.applicationinsights.v2020_02_02"
    ),
    "authorization": Source("azure-mgmt-authorization", "4.0.0", "azure.mgmt.authorization.v2022_04_01"),
    "container_instances": Source("azure-mgmt-containerinstance", "10.2.0b1", "azure.mgmt.containerinstance"),
    "container_registry": Source(
        "azure-mgmt-containerregistry", "14.0.0", "azure.mgmt.containerregistry.v2023_01_01_preview"
    ),
    "diagnostics": Source("azure-mgmt-monitor", "6.0.2", "azure.mgmt.monitor.v2021_05_01_preview"),
    "key_vault": Source("azure-mgmt-keyvault", "12.0.0", "azure.mgmt.keyvault"),
    "locks": Source("azure-mgmt-resource-locks", "1.0.0", "azure.mgmt.resource.locks"),
    "log_analytics": Source("azure-mgmt-loganalytics", "13.1.0", "azure.mgmt.loganalytics"),
    "machine_learning": Source("azure-ai-ml", "1.35.2", "azure.ai.ml._restclient.arm_ml_service"),
    "managed_identity": Source("azure-mgmt-msi", "7.0.0", "azure.mgmt.msi.v2023_01_31"),
    "resources": Source("azure-mgmt-resource", "23.3.0", "azure.mgmt.resource.resources.v2024_07_01"),
    "storage": Source("azure-mgmt-storage", "23.0.0", "azure.mgmt.storage"),
}

TYPES = {
    "application_insights": ["applicationinsights:Component"],
    "authorization": ["authorization:RoleAssignment", "authorization:RoleDefinition"],
    "container_instances": ["containerinstance:ContainerGroup"],
    "container_registry": ["containerregistry:Registry"],
    "diagnostics": ["monitor:DiagnosticSetting"],
    "key_vault": ["keyvault:Vault"],
    "locks": ["authorization:ManagementLockByScope"],
    "log_analytics": ["operationalinsights:Workspace"],
    "machine_learning": [
        "machinelearningservices:CodeContainer",
        "machinelearningservices:CodeVersion",
        "machinelearningservices:ComponentContainer",
        "machinelearningservices:ComponentVersion",
        "machinelearningservices:Compute",
        "machinelearningservices:DataContainer",
        "machinelearningservices:DataVersion",
        "machinelearningservices:Datastore",
        "machinelearningservices:EnvironmentContainer",
        "machinelearningservices:EnvironmentVersion",
        "machinelearningservices:Job",
        "machinelearningservices:ModelContainer",
        "machinelearningservices:ModelVersion",
        "machinelearningservices:OnlineDeployment",
        "machinelearningservices:OnlineEndpoint",
        "machinelearningservices:Workspace",
        "machinelearningservices:WorkspaceConnection",
    ],
    "managed_identity": ["managedidentity:UserAssignedIdentity"],
    "resources": ["resources:ResourceGroup", "resources:TagAtScope"],
    "storage": [
        "storage:BlobContainer",
        "storage:BlobServiceProperties",
        "storage:ManagementPolicy",
        "storage:StorageAccount",
    ],
}

# Types that Azure makes together with their parent: creating one means changing it.
CREATED_BY_AZURE = frozenset({"storage:BlobServiceProperties"})

# Inputs whose change replaces the resource by azure-native's own rules, besides path parameters and create-only ones.
REPLACING_INPUTS = {
    "authorization:RoleAssignment": ["principalId", "roleDefinitionId", "scope"],
    "resources:ResourceGroup": ["location"],
    "storage:StorageAccount": ["isHnsEnabled", "location"],
}
