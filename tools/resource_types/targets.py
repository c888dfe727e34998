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
    "action_groups": Source("azure-mgmt-monitor", "8.0.0b3", "azure.mgmt.monitor"),
    "application_insights": Source(
        "azure-mgmt-applicationinsights", "4.1.0", "azure.mgmt.applicationinsights.v2020_02_02"
    ),
    "authorization": Source("azure-mgmt-authorization", "4.0.0", "azure.mgmt.authorization.v2022_04_01"),
    "budgets": Source("azure-mgmt-consumption", "11.0.0", "azure.mgmt.consumption"),
    "compute": Source("azure-mgmt-compute", "37.2.0", "azure.mgmt.compute"),
    "container_instances": Source("azure-mgmt-containerinstance", "10.2.0b1", "azure.mgmt.containerinstance"),
    "container_registry": Source(
        "azure-mgmt-containerregistry", "14.0.0", "azure.mgmt.containerregistry.v2023_01_01_preview"
    ),
    "container_registry_builds": Source(
        "azure-mgmt-containerregistry", "14.0.0", "azure.mgmt.containerregistry.v2019_06_01_preview"
    ),
    "data_collection": Source("azure-mgmt-monitor", "6.0.2", "azure.mgmt.monitor.v2022_06_01"),
    "data_factory": Source("azure-mgmt-datafactory", "9.3.0", "azure.mgmt.datafactory"),
    "databricks": Source("azure-mgmt-databricks", "3.0.0", "azure.mgmt.databricks"),
    "device_provisioning": Source(
        "azure-mgmt-iothubprovisioningservices", "1.2.0b2", "azure.mgmt.iothubprovisioningservices"
    ),
    "diagnostics": Source("azure-mgmt-monitor", "6.0.2", "azure.mgmt.monitor.v2021_05_01_preview"),
    "event_grid": Source("azure-mgmt-eventgrid", "10.4.0", "azure.mgmt.eventgrid"),
    "iot_hub": Source("azure-mgmt-iothub", "4.0.0", "azure.mgmt.iothub.v2023_06_30"),
    "key_vault": Source("azure-mgmt-keyvault", "12.0.0", "azure.mgmt.keyvault"),
    "kubernetes": Source("azure-mgmt-containerservice", "40.1.0", "azure.mgmt.containerservice"),
    "locks": Source("azure-mgmt-resource-locks", "1.0.0", "azure.mgmt.resource.locks"),
    "log_analytics": Source("azure-mgmt-loganalytics", "13.1.0", "azure.mgmt.loganalytics"),
    "logic_apps": Source("azure-mgmt-logic", "10.0.0", "azure.mgmt.logic"),
    "machine_learning": Source("azure-ai-ml", "1.35.2", "azure.ai.ml._restclient.arm_ml_service"),
    "managed_identity": Source("azure-mgmt-msi", "7.0.0", "azure.mgmt.msi.v2023_01_31"),
    "metric_alerts": Source("azure-mgmt-monitor", "6.0.2", "azure.mgmt.monitor.v2018_03_01"),
    "network": Source("azure-mgmt-network", "28.1.0", "azure.mgmt.network"),
    "policy": Source("azure-mgmt-resource-policy", "1.0.0", "azure.mgmt.resource.policy"),
    "private_dns": Source("azure-mgmt-privatedns", "2.0.0", "azure.mgmt.privatedns"),
    "resources": Source("azure-mgmt-resource", "23.3.0", "azure.mgmt.resource.resources.v2024_07_01"),
    "sql": Source("azure-mgmt-sql", "4.0.0b21", "azure.mgmt.sql"),
    "storage": Source("azure-mgmt-storage", "23.0.0", "azure.mgmt.storage"),
    "workbooks": Source("azure-mgmt-applicationinsights", "4.1.0", "azure.mgmt.applicationinsights.v2023_06_01"),
}

TYPES = {
    "action_groups": [
        "monitor:ActionGroup",
        "monitor:ScheduledQueryRule",
    ],
    "application_insights": [
        "applicationinsights:Component",
    ],
    "authorization": [
        "authorization:RoleAssignment",
        "authorization:RoleDefinition",
    ],
    "budgets": [
        "consumption:Budget",
    ],
    "compute": [
        "compute:VirtualMachineScaleSet",
    ],
    "container_instances": [
        "containerinstance:ContainerGroup",
    ],
    "container_registry": [
        "containerregistry:Registry",
    ],
    "container_registry_builds": [
        "containerregistry:AgentPool",
    ],
    "data_collection": [
        "monitor:DataCollectionRule",
        "monitor:DataCollectionRuleAssociation",
    ],
    "data_factory": [
        "datafactory:CredentialOperation",
        "datafactory:DataFlow",
        "datafactory:Dataset",
        "datafactory:Factory",
        "datafactory:IntegrationRuntime",
        "datafactory:LinkedService",
        "datafactory:ManagedPrivateEndpoint",
        "datafactory:Pipeline",
        "datafactory:Trigger",
        "resources:Resource",
    ],
    "databricks": [
        "databricks:AccessConnector",
        "databricks:Workspace",
    ],
    "device_provisioning": [
        "deviceprovisioningservices:IotDpsResource",
    ],
    "diagnostics": [
        "monitor:DiagnosticSetting",
    ],
    "event_grid": [
        "eventgrid:SystemTopic",
        "eventgrid:SystemTopicEventSubscription",
    ],
    "iot_hub": [
        "iothub:IotHubResource",
        "iothub:IotHubResourceEventHubConsumerGroup",
    ],
    "key_vault": [
        "keyvault:Key",
        "keyvault:Vault",
    ],
    "kubernetes": [
        "containerservice:AgentPool",
        "containerservice:MaintenanceConfiguration",
        "containerservice:ManagedCluster",
    ],
    "locks": [
        "authorization:ManagementLockByScope",
    ],
    "log_analytics": [
        "operationalinsights:Workspace",
    ],
    "logic_apps": [
        "logic:Workflow",
    ],
    "machine_learning": [
        "machinelearningservices:BatchEndpoint",
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
        "machinelearningservices:Registry",
        "machinelearningservices:Workspace",
        "machinelearningservices:WorkspaceConnection",
    ],
    "managed_identity": [
        "managedidentity:FederatedIdentityCredential",
        "managedidentity:UserAssignedIdentity",
    ],
    "metric_alerts": [
        "monitor:MetricAlert",
    ],
    "network": [
        "network:NatGateway",
        "network:NetworkSecurityGroup",
        "network:PrivateDnsZoneGroup",
        "network:PrivateEndpoint",
        "network:PublicIPAddress",
        "network:Subnet",
        "network:VirtualNetwork",
        "network:VirtualNetworkPeering",
    ],
    "policy": [
        "authorization:PolicyAssignment",
        "authorization:PolicyDefinition",
        "authorization:PolicySetDefinition",
    ],
    "private_dns": [
        "privatedns:PrivateZone",
        "privatedns:VirtualNetworkLink",
    ],
    "resources": [
        "resources:ResourceGroup",
        "resources:TagAtScope",
    ],
    "sql": [
        "sql:Database",
        "sql:FirewallRule",
        "sql:Server",
        "sql:ServerBlobAuditingPolicy",
    ],
    "storage": [
        "storage:BlobContainer",
        "storage:BlobServiceProperties",
        "storage:ManagementPolicy",
        "storage:Queue",
        "storage:StorageAccount",
    ],
    "workbooks": [
        "applicationinsights:Workbook",
    ],
}

# What azure-native's generic resource stands for here: the one type that it has no resource of its own for, by the path
# and the version of its published model. Azure has no DELETE for it, which azure-native wants of a resource (its issue
# 896).
GENERIC = "resources:Resource"
GENERIC_PATH = (
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.DataFactory/factories/"
    "{factoryName}/managedVirtualNetworks/{managedVirtualNetworkName}"
)
GENERIC_VERSION = "2018-06-01"

# Types that Azure makes together with their parent: creating one means changing it.
CREATED_BY_AZURE = frozenset({"storage:BlobServiceProperties"})

# Values of open enumerations that Azure documents and the models leave out, by source. Streams: Azure Monitor, "Streams
# of Container insights in a data collection rule".
DOCUMENTED_VALUES = {
    "data_collection": {
        "KnownDataFlowStreams": ["Microsoft-ContainerInsights-Group-Default"],
        "KnownExtensionDataSourceStreams": ["Microsoft-ContainerInsights-Group-Default"],
    },
}

# Inputs whose change replaces the resource by azure-native's own rules, besides path parameters and create-only ones.
REPLACING_INPUTS = {
    "authorization:RoleAssignment": ["principalId", "roleDefinitionId", "scope"],
    "resources:ResourceGroup": ["location"],
    "storage:StorageAccount": ["isHnsEnabled", "location"],
}
