"""What costs nothing by itself, and why: a type, and where what it leads to is counted."""

from __future__ import annotations

from policies.prices.pricing import Nothing, Pricer

ACCESS = "Azure asks nothing for identities and rights"
SETTING = "a setting of another resource, which has the price"
STORED = "what it stores is on the line of its storage account"
LOGGED = "what it sends is on the line of the Log Analytics workspace"
NETWORK = "Azure asks nothing for networks and their rules"

REASONS = {
    "applicationinsights:Component": LOGGED,
    "applicationinsights:Workbook": "Azure asks nothing for workbooks",
    "authorization:RoleAssignment": ACCESS,
    "authorization:PolicyAssignment": "Azure asks nothing for policies",
    "authorization:PolicySetDefinition": "Azure asks nothing for policies",
    "authorization:PolicyDefinition": "Azure asks nothing for policies",
    "consumption:Budget": "Azure asks nothing for budgets",
    "containerservice:MaintenanceConfiguration": SETTING,
    "databricks:AccessConnector": ACCESS,
    "datafactory:CredentialOperation": ACCESS,
    "datafactory:DataFlow": "its runs are on the line of the pipeline",
    "datafactory:Dataset": SETTING,
    "datafactory:IntegrationRuntime": "its machines are on the line of the pipeline that they run for",
    "datafactory:LinkedService": SETTING,
    "datafactory:Trigger": "what it starts is on the line of the pipeline",
    "eventgrid:SystemTopicEventSubscription": "what is handed on is on the line of the topic",
    "iothub:IotHubResourceEventHubConsumerGroup": SETTING,
    "machinelearningservices:Datastore": STORED,
    "machinelearningservices:OnlineEndpoint": "its deployments are on the line of the rollout",
    "managedidentity:FederatedIdentityCredential": ACCESS,
    "managedidentity:UserAssignedIdentity": ACCESS,
    "monitor:DataCollectionRule": LOGGED,
    "monitor:DataCollectionRuleAssociation": LOGGED,
    "monitor:DiagnosticSetting": LOGGED,
    "network:NetworkSecurityGroup": NETWORK,
    "network:PrivateDnsZoneGroup": NETWORK,
    "network:Subnet": NETWORK,
    "network:VirtualNetwork": NETWORK,
    "privatedns:VirtualNetworkLink": NETWORK,
    "resources:TagAtScope": SETTING,
    "sql:FirewallRule": NETWORK,
    "sql:Server": "its databases have the price",
    "sql:ServerBlobAuditingPolicy": LOGGED,
    "storage:BlobContainer": STORED,
    "storage:BlobServiceProperties": "old versions and deleted blobs are in the gigabytes of its storage account",
    "storage:ManagementPolicy": SETTING,
    "storage:Queue": STORED,
    "ml:DataVersion": STORED,
    "ml:EdgeDeployment": "the hub's unit has the price; devices are not Azure's",
    "ml:ImportedImage": "what the registry stores is on its line",
    "ml:ModelVersion": STORED,
    "ml:PromotedModel": STORED,
    "ml:Retention": "it only deletes",
    "ml:SoftDeleteGuard": "it only looks and clears away",
}
"""By short type."""


def _free(reason: str) -> Pricer:
    return lambda one, plan: (Nothing(reason),)


PRICERS: dict[str, Pricer] = {kind: _free(reason) for kind, reason in REASONS.items()}
