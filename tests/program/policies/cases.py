"""For each rule, one thing that is changed in a stack of the program and has to be found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from policies.resource import UNKNOWN
from tests.program.policies.stacks import GONE, SIGNED_IN, Change, added, changed, removed

PROD, DEV = "prod-private", "dev-open"
DEPLOYMENT = "pulumi-python:dynamic/ml:EdgeDeployment"
DIGEST = f"registry.example/detector@sha256:{'0' * 64}"


@dataclass(frozen=True)
class Case:
    """A change that breaks one rule and no other."""

    rule: str
    change: Change
    plan: str = PROD
    resource: str = ""
    """On which resource the rule is broken; "" for the stack itself."""
    unknown: Change | None = None
    """The same property, not known yet."""
    also: tuple[str, ...] = ()
    """Rules about something else that the same change breaks."""


def value(
    rule: str,
    name: str,
    path: str,
    to: Any,
    plan: str = PROD,
    unknown: str | None = "",
    also: tuple[str, ...] = (),
) -> Case:
    """One property of one resource; `unknown`: another path to make unknown, None where a rule reads only whether
    something is written.
    """
    later = None if unknown is None else changed(name, unknown or path, UNKNOWN)
    return Case(rule, changed(name, path, to), plan, name, later, also)


def stack(rule: str, change: Change, resource: str = "", plan: str = PROD) -> Case:
    """A rule on a whole stack."""
    return Case(rule, change, plan, resource)


def edge(**inputs: Any) -> Change:
    """A deployment to devices, which the stacks do not have yet."""
    manifest = {"modules": {"detector": {"settings": {"image": DIGEST}}}}
    right = {"manifest": manifest, "targetCondition": "tags.ring='canary'"}
    return added(DEPLOYMENT, "deployment", **{**right, **inputs})


ROLE = "/providers/Microsoft.Authorization/roleDefinitions"
OWNER = f"{ROLE}/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR_ON = "workspace-identity-ml-contributor"
DELEGATED = "pipelines-identity-on-group-group-rbac-administrator"
MAY_GIVE = "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals"
GROUP_SCOPE = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg"
LAST_TRIGGER = {"type": "Request", "kind": "Http"}

TAGGING = (
    value("required-tags", "edge", "tags/cost-center", GONE, unknown="tags"),
    value("group-tags", "resource-group", "tags/owner", GONE, unknown="tags"),
    value("tag-values", "sql", "tags/environment", "dev"),
    value("not-expired", "storage", "tags/expires-on", "2026-01-31"),
    value("tag-limits", "registry", "tags/note", "AccountKey=abc"),
    value("one-region", "lake", "location", "eastus", also=("price-known",)),
    value("names-azure-takes", "resource-group", "resourceGroupName", "rg/mlops"),
    value(
        "no-preview-api",
        "resource-group",
        "type",
        "azure-native:resources/v20240301preview:ResourceGroup",
        unknown=None,
    ),
)
IDENTITY = (
    value("no-owner", "deployers-workspace-azureml-data-scientist", "roleDefinitionId", OWNER),
    value("no-broad-contributor", CONTRIBUTOR_ON, "scope", GROUP_SCOPE),
    value("people-by-group", "deployers-workspace-azureml-data-scientist", "principalType", "User"),
    value("workspace-own-identity", "workspace", "identity/type", "SystemAssigned"),
    value("datastores-by-identity", "workspace", "systemDatastoresAuthMode", "AccessKey"),
    value("compute-no-local-login", "compute-cpu", "properties/disableLocalAuth", False),
    value("endpoint-signs-in", "bike_buyer-endpoint", "properties/authMode", "Key", SIGNED_IN),
    value("storage-no-shared-key", "lake", "allowSharedKeyAccess", True),
    value("registry-no-admin", "registry", "adminUserEnabled", True),
    value("registry-no-anonymous-pull", "registry", "anonymousPullEnabled", True),
    value("vault-by-role", "key-vault", "properties/enableRbacAuthorization", False),
    value("telemetry-by-identity", "monitoring-insights", "disableLocalAuth", False),
    value("log-workspace-by-identity", "monitoring-logs", "features/disableLocalAuth", False),
    stack("no-secret-outputs", changed("mlops-prod", "platform/connectionString", "AccountKey=abc")),
    value("federation-names-one", "federation-scoring-pods", "subject", "repo:example/mlops:*"),
    value("batch-signs-in", "batch-endpoint", "properties/authMode", "Key"),
    value("notebook-for-one", "notebooks", "properties/properties/applicationSharingPolicy", "Shared"),
    value("datastore-without-key", "datastores-raw", "properties/credentials/credentialsType", "AccountKey"),
    value("storage-portal-by-identity", "storage", "defaultToOAuthAuthentication", False),
)
NETWORK = (
    value("workspace-closed", "workspace", "publicNetworkAccess", "Enabled"),
    value("workspace-approved-hosts", "workspace", "managedNetwork/isolationMode", "AllowInternetOutbound"),
    value(
        "workspace-no-wildcard-host",
        "workspace",
        "managedNetwork/outboundRules/any",
        {"type": "FQDN", "destination": "*"},
    ),
    stack("workspace-private-endpoint", removed("private-endpoints-workspace-amlworkspace"), "workspace"),
    value("compute-no-public-address", "compute-cpu", "properties/properties/enableNodePublicIp", True),
    value("registry-closed", "registry", "publicNetworkAccess", "Enabled"),
    value("registry-own-data-endpoint", "registry", "dataEndpointEnabled", False),
    value("workspace-builds-inside", "workspace", "imageBuildCompute", GONE, unknown="publicNetworkAccess"),
    value("storage-closed", "lake", "networkRuleSet/defaultAction", "Allow"),
    value("storage-not-for-the-world", "lake", "allowBlobPublicAccess", True),
    value("container-not-for-the-world", "lake-raw", "publicAccess", "Blob"),
    value("vault-closed", "key-vault", "properties/networkAcls/defaultAction", "Allow"),
    value("databricks-no-public-address", "databricks", "parameters/enableNoPublicIp/value", False),
    value("databricks-closed", "databricks", "publicNetworkAccess", "Enabled"),
    value("endpoint-closed", "bike_buyer-endpoint", "properties/publicNetworkAccess", "Enabled"),
    value("model-registry-closed", "model-registry", "publicNetworkAccess", "Enabled"),
    value("no-open-port", "network-containers-rules", "securityRules/0/access", "Allow"),
    value("subnet-has-rules", "network-containers", "networkSecurityGroup", GONE),
    value(
        "subnet-no-default-way-out",
        "network-containers",
        "defaultOutboundAccess",
        True,
        unknown="defaultOutboundAccess",
    ),
    stack("closed-but-reachable", removed("private-endpoints-vault-vault"), "key-vault"),
    stack("private-names", removed("private-endpoints-vault-vault-names"), "private-endpoints-vault-vault"),
)
DATA = (
    value("vault-purge-protection", "key-vault", "properties/enablePurgeProtection", False),
    value("vault-soft-delete", "key-vault", "properties/enableSoftDelete", False),
    value("vault-soft-delete-days", "key-vault", "properties/softDeleteRetentionInDays", 7),
    value("storage-tls-https", "lake", "enableHttpsTrafficOnly", False),
    value("storage-soft-delete", "lake-blobs", "deleteRetentionPolicy/days", 7),
    stack("storage-versions", changed("storage-blobs", "isVersioningEnabled", False), "storage-blobs"),
    stack("storage-versions-end", removed("storage-lifecycle"), "storage-blobs"),
    value("storage-redundancy", "lake", "sku/name", "Standard_LRS"),
    value("storage-no-local-users", "lake", "isLocalUserEnabled", True),
    value("storage-stays-in-tenant", "lake", "allowCrossTenantReplication", True),
    value("storage-trusted-services", "lake", "networkRuleSet/bypass", "None"),
    value("registry-zones", "registry", "zoneRedundancy", "Disabled"),
    value("stateful-protected", "lake", "protect", False, unknown=None),
    value(
        "model-registry-data",
        "model-registry",
        "regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount/allowBlobPublicAccess",
        True,
    ),
)
KUBERNETES = (
    value("aks-no-local-accounts", "kubernetes", "disableLocalAccounts", False),
    value("aks-workload-identity", "kubernetes", "oidcIssuerProfile/enabled", False),
    value("aks-roles", "kubernetes", "enableRBAC", False),
    value("aks-managed-identity", "kubernetes", "identity/type", "None"),
    value("aks-api-closed", "kubernetes", "apiServerAccessProfile/enablePrivateCluster", False),
    value("aks-network-policy", "kubernetes", "networkProfile/networkPolicy", "none"),
    value("aks-nodes-no-public-address", "kubernetes-user", "enableNodePublicIP", True),
    value("aks-no-run-command", "kubernetes", "apiServerAccessProfile/disableRunCommand", False),
    value("aks-upgrades", "kubernetes", "autoUpgradeProfile/nodeOSUpgradeChannel", "None"),
    stack("aks-maintenance-window", removed("kubernetes-node-images", "kubernetes-patches"), "kubernetes"),
    value("aks-paid-tier", "kubernetes", "sku/tier", "Free"),
    value("aks-zones", "kubernetes-user", "availabilityZones", ["1"]),
    value("aks-policy-add-on", "kubernetes", "addonProfiles/azurepolicy/enabled", False),
    value("aks-defender", "kubernetes", "securityProfile/defender/securityMonitoring/enabled", False),
    value(
        "aks-secret-rotation",
        "kubernetes",
        "addonProfiles/azureKeyvaultSecretsProvider/config/enableSecretRotation",
        "false",
    ),
    value("aks-encryption-at-host", "kubernetes-user", "enableEncryptionAtHost", False),
    value("aks-ephemeral-disks", "kubernetes-user", "osDiskType", "Managed"),
    value("aks-image-cleaner", "kubernetes", "securityProfile/imageCleaner/enabled", False),
    value("aks-surge", "kubernetes-user", "upgradeSettings", {}),
)
EDGE = (
    value("iot-no-shared-keys", "edge", "properties/disableDeviceSAS", False),
    value("iot-closed", "edge", "properties/publicNetworkAccess", "Enabled"),
    value("iot-tls", "edge", "properties/minTlsVersion", GONE, unknown="properties/minTlsVersion"),
    value(
        "iot-routes-by-identity",
        "edge",
        "properties/routing/endpoints/storageContainers/0/authenticationType",
        "keyBased",
    ),
    value(
        "iot-uploads-by-identity",
        "edge",
        "properties/storageEndpoints/$default",
        {"authenticationType": "keyBased"},
        unknown="properties/storageEndpoints",
    ),
    value("iot-paid-tier", "edge", "sku/name", "F1"),
    value("provisioning-closed", "edge-provisioning", "properties/publicNetworkAccess", "Enabled"),
    stack("edge-image-by-digest", edge(manifest={"modules": {"a": {"image": "detector:latest"}}}), "deployment"),
    stack("edge-target-by-tag", edge(targetCondition="deviceId='camera-1'"), "deployment"),
    stack("edge-no-password", edge(registryCredentials={"acr": {"password": "abc"}}), "deployment"),
)
SQL = (
    value("sql-entra-only", "sql", "administrators/azureADOnlyAuthentication", False),
    value("sql-admins-by-group", "sql", "administrators/principalType", "User"),
    value("sql-tls", "sql", "minimalTlsVersion", GONE, unknown="minimalTlsVersion"),
    value("sql-closed", "sql", "publicNetworkAccess", "Enabled"),
    value("sql-no-way-out", "sql", "restrictOutboundNetworkAccess", "Disabled"),
    stack(
        "sql-narrow-firewall",
        added("azure-native:sql:FirewallRule", "all", startIpAddress="0.0.0.0", endIpAddress="0.0.0.0"),
        "all",
    ),
    stack("sql-has-auditing", removed("sql-auditing"), "sql"),
    value("sql-auditing-kept", "sql-auditing", "state", "Disabled"),
    value("sql-auditing-sign-ins", "sql-auditing", "auditActionsAndGroups", ["BATCH_COMPLETED_GROUP"]),
    value("sql-zones", "sql-database", "zoneRedundant", False),
    value("sql-backups-elsewhere", "sql-database", "requestedBackupStorageRedundancy", "Local"),
)
FACTORY = (
    value("factory-closed", "data-factory", "publicNetworkAccess", "Enabled"),
    value("factory-own-identity", "data-factory", "identity/type", "SystemAssigned"),
    value("factory-link-without-key", "data-factory-lake-link", "properties/accountKey", "abc", unknown="properties"),
    value("factory-link-by-identity", "data-factory-sql-link", "properties/credential", GONE, unknown="properties"),
    value(
        "factory-runs-inside", "data-factory-runtime", "properties/managedVirtualNetwork", GONE, unknown="properties"
    ),
    value("factory-cores", "data-factory-runtime", "properties/computeProperties/dataFlowProperties/coreCount", 144),
    value("pipeline-timeouts", "bike_buyer-flow-pipeline", "activities/0/policy/timeout", "7.00:00:00"),
    value("pipeline-one-at-a-time", "bike_buyer-flow-pipeline", "concurrency", GONE, unknown="concurrency"),
    value(
        "pipeline-not-too-often",
        "bike_buyer-flow-daily",
        "properties/recurrence",
        {"frequency": "Minute", "interval": 5},
        also=("monthly-budget",),
    ),
    value("factory-sql-encrypted", "data-factory-sql-link", "properties/encrypt", "optional"),
    value(
        "factory-bounded-cluster",
        "data-factory-databricks-link",
        "properties/newClusterNumOfWorker",
        GONE,
        unknown="properties",
    ),
    stack(
        "factory-reaches-stores",
        removed(
            "data-factory-lake-dfs-endpoint",
            "data-factory-lake-blob-endpoint",
            "data-factory-sql-sqlserver-endpoint",
            "data-factory-databricks-databricks-ui-api-endpoint",
        ),
        "data-factory",
    ),
)
EVENTING = (
    value("topic-own-identity", "file-events", "identity/type", "None", DEV),
    value("events-by-identity", "file-trigger-new-files", "deliveryWithResourceIdentity", GONE, DEV, None),
    value("events-put-aside", "file-trigger-new-files", "deadLetterWithResourceIdentity", GONE, DEV, None),
    value("events-retries-bounded", "file-trigger-new-files", "retryPolicy/maxDeliveryAttempts", 100, DEV),
    value("events-filtered", "file-trigger-new-files", "filter", {}, DEV),
    value("events-cloud-events", "file-trigger-new-files", "eventDeliverySchema", GONE, DEV, None),
    value("workflow-own-identity", "file-trigger", "identity/type", "None", DEV),
    value(
        "workflow-calls-by-identity",
        "file-trigger",
        "definition/actions/Get_messages/inputs/authentication/type",
        "Basic",
        DEV,
    ),
    value("workflow-no-plain-secret", "file-trigger", "definition/parameters/apiKey", {"type": "String"}, DEV, None),
    value(
        "workflow-not-too-often",
        "file-trigger",
        "definition/triggers/every",
        {"recurrence": {"frequency": "Second", "interval": 5}},
        DEV,
        "definition/triggers",
    ),
    value(
        "workflow-no-open-trigger", "file-trigger", "definition/triggers/call", LAST_TRIGGER, DEV, "definition/triggers"
    ),
)
OPERATIONS = (
    stack("diagnostics", removed("vault-diagnostics"), "key-vault"),
    value("diagnostics-on", "vault-diagnostics", "logs", []),
    value("diagnostics-go-to-logs", "vault-diagnostics", "workspaceId", GONE, unknown=None),
    value("insights-in-workspace", "monitoring-insights", "workspaceResourceId", GONE, unknown=None),
    value("logs-kept", "monitoring-logs", "retentionInDays", 30),
    value("logs-by-resource", "monitoring-logs", "features/enableLogAccessUsingOnlyResourcePermissions", False),
    value("alerts-tell-somebody", "alerts-errors", "actions", {}),
    value("action-group-has-receivers", "action-group", "emailReceivers", []),
    stack("failed-jobs-alert", removed("alerts-jobs"), "workspace"),
)
LIFE = (
    value("job-time-limit", "bike_buyer-gate", "timeoutMinutes", GONE, unknown="timeoutMinutes"),
    value("gate-has-floor", "bike_buyer-gate", "metric", "log_loss"),
    value("gate-floor-kept", "bike_buyer-gate", "floors/auc", 0.6),
    stack("gate-before-rollout", changed("bike_buyer-rollout", "depends_on", ()), "bike_buyer-rollout"),
    value("traffic-adds-up", "bike_buyer-endpoint", "properties/traffic", {"blue": 50, "green": 40}),
    value("rollout-in-stages", "bike_buyer-rollout", "stages", []),
    value("rollout-watches", "bike_buyer-rollout", "stageSeconds", 30),
    value("rollout-golden-requests", "bike_buyer-rollout", "staging", GONE, unknown=None),
    value("image-by-digest", "bike_buyer-rollout", "image", "registry.example/bike-buyer:latest"),
    value("two-instances", "bike_buyer-rollout", "instances", 1),
    value("service-collects-data", "bike_buyer-rollout", "applicationInsightsId", GONE, unknown=None),
    stack("monitor-per-service", removed("alerts-drift"), "bike_buyer-rollout"),
    stack("history-kept", removed("bike_buyer-retention"), "bike_buyer-rollout"),
    value("real-data-in-production", "bike_buyer-customers", "allowGenerated", True),
    value("data-recorded", "bike_buyer-customers", "record", GONE, unknown=None),
    value("workspace-current-mode", "workspace", "v1LegacyMode", True),
)
RETIREMENT = (
    value(
        "ended",
        "compute-cpu",
        "properties/properties/vmSize",
        "Standard_NC6s_v3",
        also=("vm-sku-allow-list", "gpu-needs-approval"),
    ),
    value(
        "ending",
        "data-factory-runtime",
        "properties/computeProperties/dataFlowProperties/computeType",
        "MemoryOptimized",
    ),
    value("api-ends", "key-vault", "type", "azure-native:keyvault/v20230701:Vault", unknown=None),
)
CASES: Sequence[Case] = (
    *TAGGING,
    *IDENTITY,
    *NETWORK,
    *DATA,
    *KUBERNETES,
    *EDGE,
    *SQL,
    *FACTORY,
    *EVENTING,
    *OPERATIONS,
    *LIFE,
    *RETIREMENT,
)
FURTHER = (
    value("no-owner", DELEGATED, "condition", "@Principal[a:b] StringEquals 'c'", DEV),
    value("no-owner", DELEGATED, "condition", f"{MAY_GIVE} {{{OWNER.rsplit('/', 1)[-1]}}}", DEV),
)
"""Other ways to break a rule that has its case."""
