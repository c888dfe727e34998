"""Inputs a program gives to each resource type, as Pulumi sends them to the plugin."""

from __future__ import annotations

from typing import Any

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mlops"
PROVIDERS = f"{GROUP}/providers"
IDENTITY = f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities/training"
WORKSPACE = {"resourceGroupName": "mlops", "workspaceName": "mlw"}
ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
POLICY = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/tagged"
ROLE = f"{ROLES}/ba92f5b4-2d11-453d-a403-e96b0029c9fe"

INPUTS: dict[str, dict[str, Any]] = {
    "applicationinsights:Component": {
        "resourceGroupName": "mlops", "resourceName": "appi", "location": "westeurope", "kind": "web",
        "applicationType": "web", "ingestionMode": "LogAnalytics", "disableLocalAuth": True,
        "workspaceResourceId": f"{PROVIDERS}/Microsoft.OperationalInsights/workspaces/log-mlops", "retentionInDays": 90,
    },
    "authorization:ManagementLockByScope": {
        "scope": f"{PROVIDERS}/Microsoft.Storage/storageAccounts/stmlops", "lockName": "keep", "level": "CanNotDelete",
        "notes": "holds training data",
    },
    "authorization:PolicyAssignment": {
        "scope": GROUP, "policyAssignmentName": "owners", "policyDefinitionId": POLICY, "displayName": "Owners",
        "enforcementMode": "Default", "parameters": {"tag": {"value": "owner"}}, "notScopes": [f"{GROUP}-other"],
    },
    "authorization:PolicyDefinition": {
        "policyDefinitionName": "tagged", "displayName": "Everything has an owner", "mode": "Indexed",
        "policyType": "Custom", "parameters": {"tag": {"type": "String"}},
        "policyRule": {
            "if": {"field": "[concat('tags[', parameters('tag'), ']')]", "exists": "false"},
            "then": {"effect": "audit"},
        },
    },
    "authorization:PolicySetDefinition": {
        "policySetDefinitionName": "ours", "displayName": "Ours", "policyType": "Custom",
        "policyDefinitions": [
            {
                "policyDefinitionId": POLICY, "policyDefinitionReferenceId": "owner",
                "parameters": {"tag": {"value": "owner"}},
            }
        ],
    },
    "authorization:RoleAssignment": {
        "scope": f"{PROVIDERS}/Microsoft.Storage/storageAccounts/stmlops",
        "roleAssignmentName": "00000000-0000-0000-0000-0000000000aa", "roleDefinitionId": ROLE,
        "principalId": "00000000-0000-0000-0000-0000000000bb", "principalType": "ServicePrincipal",
    },
    "authorization:RoleDefinition": {
        "scope": GROUP, "roleDefinitionId": "00000000-0000-0000-0000-0000000000cc", "roleName": "Job submitter",
        "roleType": "CustomRole", "assignableScopes": [GROUP],
        "permissions": [{"actions": ["Microsoft.MachineLearningServices/workspaces/jobs/*"], "notActions": []}],
    },
    "containerinstance:ContainerGroup": {
        "resourceGroupName": "mlops", "containerGroupName": "staging", "location": "westeurope", "osType": "Linux",
        "restartPolicy": "Always", "sku": "Standard",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [IDENTITY]},
        "imageRegistryCredentials": [{"server": "crmlops.azurecr.io", "identity": IDENTITY}],
        "ipAddress": {"type": "Public", "ports": [{"protocol": "TCP", "port": 5001}]},
        "containers": [{
            "name": "server", "image": "crmlops.azurecr.io/bike-buyer:1", "ports": [{"protocol": "TCP", "port": 5001}],
            "resources": {"requests": {"cpu": 1, "memoryInGB": 1.5}},
            "environmentVariables": [{"name": "SCORING_KEY", "secureValue": "a-key"}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 5001, "scheme": "http"}, "periodSeconds": 5},
        }],
    },
    "containerservice:AgentPool": {
        "resourceGroupName": "mlops", "resourceName": "aks", "agentPoolName": "user", "mode": "User", "count": 0,
        "vmSize": "Standard_D4ds_v5", "enableAutoScaling": True, "minCount": 0, "maxCount": 3, "osSKU": "AzureLinux3",
    },
    "containerservice:MaintenanceConfiguration": {
        "resourceGroupName": "mlops", "resourceName": "aks", "configName": "aksManagedNodeOSUpgradeSchedule",
        "maintenanceWindow": {
            "schedule": {"weekly": {"dayOfWeek": "Sunday", "intervalWeeks": 1}},
            "startTime": "02:00", "durationHours": 4, "utcOffset": "+00:00",
        },
    },
    "containerservice:ManagedCluster": {
        "resourceGroupName": "mlops", "resourceName": "aks", "location": "westeurope", "dnsPrefix": "aks",
        "kubernetesVersion": "1.36", "identity": {"type": "UserAssigned", "userAssignedIdentities": [IDENTITY]},
        "oidcIssuerProfile": {"enabled": True}, "disableLocalAccounts": True,
        "agentPoolProfiles": [{"name": "system", "mode": "System", "vmSize": "Standard_D4ds_v5", "count": 1}],
    },
    "containerregistry:Registry": {
        "resourceGroupName": "mlops", "registryName": "crmlops", "location": "westeurope", "sku": {"name": "Premium"},
        "adminUserEnabled": False, "publicNetworkAccess": "Enabled", "zoneRedundancy": "Disabled",
        "networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"action": "Allow", "iPAddressOrRange": "192.0.2.1"}]},
    },
    "deviceprovisioningservices:IotDpsResource": {
        "resourceGroupName": "mlops", "provisioningServiceName": "provs-mlops", "location": "westeurope",
        "sku": {"name": "S1", "capacity": 1},
        "properties": {"allocationPolicy": "Hashed", "publicNetworkAccess": "Enabled"},
    },
    "iothub:IotHubResource": {
        "resourceGroupName": "mlops", "resourceName": "iot-mlops", "location": "westeurope",
        "sku": {"name": "S1", "capacity": 1},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [IDENTITY]},
        "properties": {
            "disableLocalAuth": True, "minTlsVersion": "1.2",
            "eventHubEndpoints": {"events": {"retentionTimeInDays": 1, "partitionCount": 4}},
        },
    },
    "iothub:IotHubResourceEventHubConsumerGroup": {
        "resourceGroupName": "mlops", "resourceName": "iot-mlops", "eventHubEndpointName": "events", "name": "mlops",
        "properties": {"name": "mlops"},
    },
    "keyvault:Vault": {
        "resourceGroupName": "mlops", "vaultName": "kv-mlops", "location": "westeurope",
        "properties": {
            "tenantId": "00000000-0000-0000-0000-000000000002", "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True, "enablePurgeProtection": True, "softDeleteRetentionInDays": 7,
            "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow"},
        },
    },
    "machinelearningservices:BatchEndpoint": {
        **WORKSPACE, "endpointName": "bep-mlops", "location": "westeurope", "properties": {"authMode": "AADToken"},
    },
    "machinelearningservices:Registry": {
        "resourceGroupName": "mlops", "registryName": "mlr-mlops", "location": "westeurope",
        "identity": {"type": "SystemAssigned"}, "publicNetworkAccess": "Enabled",
        "regionDetails": [{
            "location": "westeurope",
            "acrDetails": [{"systemCreatedAcrAccount": {"acrAccountSku": "Premium"}}],
            "storageAccountDetails": [{"systemCreatedStorageAccount": {"storageAccountType": "Standard_LRS"}}],
        }],
    },
    "machinelearningservices:CodeContainer": {
        **WORKSPACE, "name": "train", "properties": {"description": "training code"},
    },
    "machinelearningservices:CodeVersion": {
        **WORKSPACE, "name": "train", "version": "1",
        "properties": {"codeUri": "https://stmlops.blob.core.windows.net/code/train"},
    },
    "machinelearningservices:ComponentContainer": {
        **WORKSPACE, "name": "prepare", "properties": {"tags": {"owner": "ml"}},
    },
    "machinelearningservices:ComponentVersion": {
        **WORKSPACE, "name": "prepare", "version": "1",
        "properties": {"componentSpec": {"type": "command", "command": "python prepare.py"}},
    },
    "machinelearningservices:Compute": {
        **WORKSPACE, "computeName": "cpu", "location": "westeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [IDENTITY]},
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": "Standard_DS3_v2", "vmPriority": "LowPriority", "osType": "Linux",
                "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"},
            },
        },
    },
    "machinelearningservices:DataContainer": {
        **WORKSPACE, "name": "bikes", "properties": {"dataType": "uri_folder"},
    },
    "machinelearningservices:DataVersion": {
        **WORKSPACE, "name": "bikes", "version": "1",
        "properties": {
            "dataType": "uri_file", "dataUri": "azureml://datastores/lake/paths/bikes.csv", "isAnonymous": False,
        },
    },
    "machinelearningservices:Datastore": {
        **WORKSPACE, "name": "lake", "skipValidation": True,
        "properties": {
            "datastoreType": "AzureBlob", "accountName": "stmlops", "containerName": "lake", "protocol": "https",
            "endpoint": "core.windows.net", "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
            "credentials": {"credentialsType": "None"},
        },
    },
    "machinelearningservices:EnvironmentContainer": {
        **WORKSPACE, "name": "tabular", "properties": {"description": "pinned packages"},
    },
    "machinelearningservices:EnvironmentVersion": {
        **WORKSPACE, "name": "tabular", "version": "1",
        "properties": {"image": "mcr.microsoft.com/azureml/base", "condaFile": "name: tabular"},
    },
    "machinelearningservices:Job": {
        **WORKSPACE, "id": "bike-buyer-1",
        "properties": {
            "jobType": "Command", "command": "python train.py", "environmentId": "azureml:tabular:1",
            "computeId": f"{PROVIDERS}/Microsoft.MachineLearningServices/workspaces/mlw/computes/cpu",
            "resources": {"instanceCount": 1}, "limits": {"jobLimitsType": "Command", "timeout": "PT1H"},
            "inputs": {"data": {"jobInputType": "uri_file", "uri": "azureml:bikes:1", "mode": "ReadOnlyMount"}},
        },
    },
    "machinelearningservices:ModelContainer": {
        **WORKSPACE, "name": "bike-buyer", "properties": {"tags": {"champion": "1"}},
    },
    "machinelearningservices:ModelVersion": {
        **WORKSPACE, "name": "bike-buyer", "version": "1",
        "properties": {"modelType": "custom_model", "modelUri": "azureml://datastores/lake/paths/model"},
    },
    "machinelearningservices:OnlineDeployment": {
        **WORKSPACE, "endpointName": "bike-buyer", "deploymentName": "blue", "location": "westeurope",
        "sku": {"name": "Default", "capacity": 1},
        "properties": {
            "endpointComputeType": "Managed", "instanceType": "Standard_DS2_v2", "appInsightsEnabled": False,
            "environmentId": f"{PROVIDERS}/Microsoft.MachineLearningServices/workspaces/mlw/environments/e/versions/1",
            "environmentVariables": {"PORT": "5001"}, "requestSettings": {"requestTimeout": "PT5S"},
            "scaleSettings": {"scaleType": "Default"}, "readinessProbe": {"period": "PT5S"},
        },
    },
    "machinelearningservices:OnlineEndpoint": {
        **WORKSPACE, "endpointName": "bike-buyer", "location": "westeurope", "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "AADToken", "publicNetworkAccess": "Enabled", "traffic": {"blue": 100}},
    },
    "machinelearningservices:Workspace": {
        **WORKSPACE, "location": "westeurope", "kind": "Default", "sku": {"name": "Basic", "tier": "Basic"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [IDENTITY]},
        "primaryUserAssignedIdentity": IDENTITY, "friendlyName": "Bikes", "hbiWorkspace": False,
        "keyVault": f"{PROVIDERS}/Microsoft.KeyVault/vaults/kv-mlops", "publicNetworkAccess": "Enabled",
        "storageAccount": f"{PROVIDERS}/Microsoft.Storage/storageAccounts/stmlops",
        "applicationInsights": f"{PROVIDERS}/Microsoft.Insights/components/appi",
        "sharedPrivateLinkResources": [{"name": "sql", "groupId": "sqlServer", "status": "Approved"}],
    },
    "machinelearningservices:WorkspaceConnection": {
        **WORKSPACE, "connectionName": "feed",
        "properties": {"authType": "None", "category": "PythonFeed", "target": "https://pypi.example.org/simple"},
    },
    "managedidentity:FederatedIdentityCredential": {
        "resourceGroupName": "mlops", "resourceName": "training", "audiences": ["api://AzureADTokenExchange"],
        "federatedIdentityCredentialResourceName": "github-dev", "subject": "repo:example/mlops:environment:dev",
        "issuer": "https://token.actions.githubusercontent.com",
    },
    "managedidentity:UserAssignedIdentity": {
        "resourceGroupName": "mlops", "resourceName": "training", "location": "westeurope", "tags": {"owner": "ml"},
    },
    "monitor:DiagnosticSetting": {
        "resourceUri": f"{PROVIDERS}/Microsoft.KeyVault/vaults/kv-mlops", "name": "audit",
        "workspaceId": f"{PROVIDERS}/Microsoft.OperationalInsights/workspaces/log-mlops",
        "logs": [{"categoryGroup": "audit", "enabled": True}],
    },
    "operationalinsights:Workspace": {
        "resourceGroupName": "mlops", "workspaceName": "log-mlops", "location": "westeurope", "retentionInDays": 30,
        "sku": {"name": "PerGB2018"}, "workspaceCapping": {"dailyQuotaGb": 1.0},
    },
    "resources:ResourceGroup": {"resourceGroupName": "mlops", "location": "westeurope", "tags": {"owner": "ml"}},
    "resources:TagAtScope": {"scope": IDENTITY, "properties": {"tags": {"owner": "ml"}}},
    "storage:BlobContainer": {
        "resourceGroupName": "mlops", "accountName": "stmlops", "containerName": "lake", "publicAccess": "None",
    },
    "storage:BlobServiceProperties": {
        "resourceGroupName": "mlops", "accountName": "stmlops", "blobServicesName": "default",
        "isVersioningEnabled": True, "deleteRetentionPolicy": {"enabled": True, "days": 7},
        "changeFeed": {"enabled": False},
    },
    "storage:ManagementPolicy": {
        "resourceGroupName": "mlops", "accountName": "stmlops", "managementPolicyName": "default",
        "policy": {"rules": [{
            "name": "expire", "type": "Lifecycle", "enabled": True,
            "definition": {
                "filters": {"blobTypes": ["blockBlob"], "prefixMatch": ["scratch/"]},
                "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}},
            },
        }]},
    },
    "storage:StorageAccount": {
        "resourceGroupName": "mlops", "accountName": "stmlops", "location": "westeurope", "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"}, "isHnsEnabled": True, "minimumTlsVersion": "TLS1_2",
        "enableHttpsTrafficOnly": True, "allowSharedKeyAccess": False, "allowBlobPublicAccess": False,
        "networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": "192.0.2.1", "action": "Allow"}]},
        "encryption": {
            "keySource": "Microsoft.Keyvault", "keyVaultProperties": {"keyName": "storage"},
            "encryptionIdentity": {"encryptionUserAssignedIdentity": IDENTITY},
        },
    },
}  # fmt: skip
