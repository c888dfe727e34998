"""Names and tags. Azure's limits stand in one table; every name is computed, none is drawn by chance.

A name is `<abbreviation>-<project>-<stack>-<role>-<suffix>` as far as the kind's limits allow. The suffix is a hash of
the subscription, the project and the stack, so names are unique where Azure wants them unique and the same at each run:
what a killed `create` left behind is found again by its id.

Abbreviations: Cloud Adoption Framework, "Abbreviation recommendations for Azure resources". Limits: Azure Resource
Manager, "Naming rules and restrictions for Azure resources".
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.stack_settings import StackSettings

SUFFIX_LENGTH = 8
APPLICATION = "mlops"


class Unique(StrEnum):
    """Within what a name must be unique."""

    GLOBALLY = "all of Azure"
    REGION = "the Azure region"
    SUBSCRIPTION = "the subscription"
    RESOURCE_GROUP = "the resource group"
    PARENT = "the parent resource"


class Kind(StrEnum):
    """A kind of resource that is named here, by its ARM type."""

    RESOURCE_GROUP = "Microsoft.Resources/resourceGroups"
    LOG_ANALYTICS = "Microsoft.OperationalInsights/workspaces"
    APPLICATION_INSIGHTS = "Microsoft.Insights/components"
    STORAGE_ACCOUNT = "Microsoft.Storage/storageAccounts"
    CONTAINER = "Microsoft.Storage/storageAccounts/blobServices/containers"
    QUEUE = "Microsoft.Storage/storageAccounts/queueServices/queues"
    KEY_VAULT = "Microsoft.KeyVault/vaults"
    CONTAINER_REGISTRY = "Microsoft.ContainerRegistry/registries"
    IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
    ML_WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
    ML_COMPUTE = "Microsoft.MachineLearningServices/workspaces/computes"
    ML_DATASTORE = "Microsoft.MachineLearningServices/workspaces/datastores"
    ML_REGISTRY = "Microsoft.MachineLearningServices/registries"
    BATCH_ENDPOINT = "Microsoft.MachineLearningServices/workspaces/batchEndpoints"
    ONLINE_ENDPOINT = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
    CONTAINER_GROUP = "Microsoft.ContainerInstance/containerGroups"
    DATA_FACTORY = "Microsoft.DataFactory/factories"
    DATA_FACTORY_CREDENTIAL = "Microsoft.DataFactory/factories/credentials"
    DATA_FACTORY_RUNTIME = "Microsoft.DataFactory/factories/integrationRuntimes"
    DATA_FACTORY_NETWORK = "Microsoft.DataFactory/factories/managedVirtualNetworks"
    DATA_FACTORY_ENDPOINT = "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints"
    DATA_FACTORY_LINK = "Microsoft.DataFactory/factories/linkedservices"
    DATA_FACTORY_DATASET = "Microsoft.DataFactory/factories/datasets"
    DATA_FACTORY_FLOW = "Microsoft.DataFactory/factories/dataflows"
    DATA_FACTORY_PIPELINE = "Microsoft.DataFactory/factories/pipelines"
    DATA_FACTORY_TRIGGER = "Microsoft.DataFactory/factories/triggers"
    DATABRICKS = "Microsoft.Databricks/workspaces"
    DATABRICKS_CONNECTOR = "Microsoft.Databricks/accessConnectors"
    SQL_SERVER = "Microsoft.Sql/servers"
    SQL_DATABASE = "Microsoft.Sql/servers/databases"
    SQL_FIREWALL_RULE = "Microsoft.Sql/servers/firewallRules"
    SYSTEM_TOPIC = "Microsoft.EventGrid/systemTopics"
    EVENT_SUBSCRIPTION = "Microsoft.EventGrid/systemTopics/eventSubscriptions"
    LOGIC_APP = "Microsoft.Logic/workflows"
    IOT_HUB = "Microsoft.Devices/IotHubs"
    IOT_CONSUMER_GROUP = "Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups"
    DEVICE_PROVISIONING = "Microsoft.Devices/provisioningServices"
    FEDERATED_CREDENTIAL = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
    MANAGED_CLUSTER = "Microsoft.ContainerService/managedClusters"
    AGENT_POOL = "Microsoft.ContainerService/managedClusters/agentPools"
    AKS_MAINTENANCE = "Microsoft.ContainerService/managedClusters/maintenanceConfigurations"
    VIRTUAL_NETWORK = "Microsoft.Network/virtualNetworks"
    SUBNET = "Microsoft.Network/virtualNetworks/subnets"
    SECURITY_GROUP = "Microsoft.Network/networkSecurityGroups"
    NAT_GATEWAY = "Microsoft.Network/natGateways"
    PUBLIC_IP = "Microsoft.Network/publicIPAddresses"
    PRIVATE_ENDPOINT = "Microsoft.Network/privateEndpoints"
    PRIVATE_DNS_ZONE = "Microsoft.Network/privateDnsZones"
    DNS_LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
    PEERING = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
    SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
    KEY = "Microsoft.KeyVault/vaults/keys"
    BUILD_POOL = "Microsoft.ContainerRegistry/registries/agentPools"
    ACTION_GROUP = "Microsoft.Insights/actionGroups"
    METRIC_ALERT = "Microsoft.Insights/metricAlerts"
    QUERY_ALERT = "Microsoft.Insights/scheduledQueryRules"
    DATA_COLLECTION_RULE = "Microsoft.Insights/dataCollectionRules"
    DATA_COLLECTION_ASSOCIATION = "Microsoft.Insights/dataCollectionRuleAssociations"
    DIAGNOSTIC_SETTING = "Microsoft.Insights/diagnosticSettings"
    BUDGET = "Microsoft.Consumption/budgets"
    POLICY_SET = "Microsoft.Authorization/policySetDefinitions"
    POLICY_ASSIGNMENT = "Microsoft.Authorization/policyAssignments"


@dataclass(frozen=True)
class Limit:
    """What Azure allows for one kind. `pattern` is about characters alone; a kind unique in its parent is named by role
    only.
    """

    abbreviation: str
    shortest: int
    longest: int
    pattern: str
    unique: Unique
    separator: str = "-"


NETWORK_NAME = r"[A-Za-z0-9]([\w.-]*\w)?"
POLICY_NAME = r"[^<>%&:\\?/]*[^<>%&:\\?/. ]"

LIMITS: Mapping[Kind, Limit] = MappingProxyType(
    {
        Kind.RESOURCE_GROUP: Limit("rg", 1, 90, r"[\w.()-]*[\w()-]", Unique.SUBSCRIPTION),
        Kind.LOG_ANALYTICS: Limit("log", 4, 63, r"[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]", Unique.RESOURCE_GROUP),
        Kind.APPLICATION_INSIGHTS: Limit("appi", 1, 260, r"[^%&\\?/]*[^%&\\?/. ]", Unique.RESOURCE_GROUP),
        Kind.STORAGE_ACCOUNT: Limit("st", 3, 24, r"[a-z0-9]+", Unique.GLOBALLY, separator=""),
        Kind.CONTAINER: Limit("", 3, 63, r"[a-z0-9]+(-[a-z0-9]+)*", Unique.PARENT),
        Kind.QUEUE: Limit("", 3, 63, r"[a-z0-9]+(-[a-z0-9]+)*", Unique.PARENT),
        Kind.KEY_VAULT: Limit("kv", 3, 24, r"[A-Za-z](-?[A-Za-z0-9])*", Unique.GLOBALLY),
        Kind.CONTAINER_REGISTRY: Limit("cr", 5, 50, r"[A-Za-z0-9]+", Unique.GLOBALLY, separator=""),
        Kind.IDENTITY: Limit("id", 3, 128, r"[A-Za-z0-9][\w-]*", Unique.RESOURCE_GROUP),
        Kind.ML_WORKSPACE: Limit("mlw", 3, 33, r"[A-Za-z0-9][\w-]*", Unique.RESOURCE_GROUP),
        Kind.ML_COMPUTE: Limit("", 3, 32, r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?", Unique.PARENT),
        Kind.ML_DATASTORE: Limit("", 1, 255, r"[A-Za-z0-9_]+", Unique.PARENT),
        Kind.ML_REGISTRY: Limit("mlr", 3, 33, r"[A-Za-z0-9][\w-]*", Unique.GLOBALLY),
        Kind.BATCH_ENDPOINT: Limit("bep", 3, 32, r"[a-z]([a-z0-9-]*[a-z0-9])?", Unique.REGION),
        Kind.ONLINE_ENDPOINT: Limit("oep", 3, 32, r"[a-z]([a-z0-9-]*[a-z0-9])?", Unique.REGION),
        # 63 on Azure; the name of a version's group is longer by the version's own.
        Kind.CONTAINER_GROUP: Limit("ci", 5, 46, r"[a-z]([a-z0-9-]*[a-z0-9])?", Unique.REGION),
        Kind.DATA_FACTORY: Limit("adf", 3, 63, r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", Unique.GLOBALLY),
        Kind.DATA_FACTORY_CREDENTIAL: Limit("", 1, 127, r"\w([\w-]*\w)?", Unique.PARENT),
        Kind.DATA_FACTORY_RUNTIME: Limit("", 3, 63, r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", Unique.PARENT),
        # Azure knows one network in a factory, by this name.
        Kind.DATA_FACTORY_NETWORK: Limit("", 7, 7, r"default", Unique.PARENT),
        Kind.DATA_FACTORY_ENDPOINT: Limit("", 1, 127, r"\w([\w-]*\w)?", Unique.PARENT),
        Kind.DATA_FACTORY_LINK: Limit("", 1, 260, r"\w[^<>*#.%&:\\+?/-]*", Unique.PARENT),
        Kind.DATA_FACTORY_DATASET: Limit("", 1, 260, r"\w[^<>*#.%&:\\+?/-]*", Unique.PARENT),
        Kind.DATA_FACTORY_FLOW: Limit("", 1, 260, r"\w[^<>*#.%&:\\+?/-]*", Unique.PARENT),
        Kind.DATA_FACTORY_PIPELINE: Limit("", 1, 260, r"\w[^<>*#.%&:\\+?/-]*", Unique.PARENT),
        Kind.DATA_FACTORY_TRIGGER: Limit("", 1, 260, r"\w[^<>*#.%&:\\+?/-]*", Unique.PARENT),
        Kind.DATABRICKS: Limit("dbw", 3, 64, r"[\w-]+", Unique.RESOURCE_GROUP),
        Kind.DATABRICKS_CONNECTOR: Limit("dbac", 3, 64, r"[\w-]+", Unique.RESOURCE_GROUP),
        Kind.SQL_SERVER: Limit("sql", 1, 63, r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", Unique.GLOBALLY),
        Kind.SQL_DATABASE: Limit("", 1, 128, r"[^<>*%&:\\/?]*[^<>*%&:\\/?. ]", Unique.PARENT),
        Kind.SQL_FIREWALL_RULE: Limit("", 1, 128, r"[^<>*%&:;\\/?]*[^<>*%&:;\\/?.]", Unique.PARENT),
        Kind.SYSTEM_TOPIC: Limit("egst", 3, 50, r"[A-Za-z0-9-]+", Unique.RESOURCE_GROUP),
        Kind.EVENT_SUBSCRIPTION: Limit("", 3, 64, r"[A-Za-z0-9-]+", Unique.PARENT),
        Kind.LOGIC_APP: Limit("logic", 1, 43, r"[\w.()-]+", Unique.RESOURCE_GROUP),
        Kind.IOT_HUB: Limit("iot", 3, 50, r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", Unique.GLOBALLY),
        Kind.IOT_CONSUMER_GROUP: Limit("", 1, 50, r"[A-Za-z0-9][\w.-]*", Unique.PARENT),
        Kind.DEVICE_PROVISIONING: Limit("provs", 3, 64, r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", Unique.GLOBALLY),
        Kind.FEDERATED_CREDENTIAL: Limit("", 3, 120, r"[A-Za-z0-9][\w-]*", Unique.PARENT),
        # 63 on Azure; the cluster's DNS prefix is the same and may have 54.
        Kind.MANAGED_CLUSTER: Limit("aks", 1, 54, r"[A-Za-z0-9]([\w-]*[A-Za-z0-9])?", Unique.RESOURCE_GROUP),
        Kind.AGENT_POOL: Limit("", 1, 12, r"[a-z][a-z0-9]*", Unique.PARENT),
        Kind.AKS_MAINTENANCE: Limit("", 1, 63, r"[A-Za-z][A-Za-z0-9]*", Unique.PARENT),
        Kind.VIRTUAL_NETWORK: Limit("vnet", 2, 64, NETWORK_NAME, Unique.RESOURCE_GROUP),
        Kind.SUBNET: Limit("", 1, 80, NETWORK_NAME, Unique.PARENT),
        Kind.SECURITY_GROUP: Limit("nsg", 1, 80, NETWORK_NAME, Unique.RESOURCE_GROUP),
        Kind.NAT_GATEWAY: Limit("ng", 1, 80, NETWORK_NAME, Unique.RESOURCE_GROUP),
        Kind.PUBLIC_IP: Limit("pip", 1, 80, NETWORK_NAME, Unique.RESOURCE_GROUP),
        Kind.PRIVATE_ENDPOINT: Limit("pep", 2, 64, NETWORK_NAME, Unique.RESOURCE_GROUP),
        # Azure prescribes the names of these zones.
        Kind.PRIVATE_DNS_ZONE: Limit("", 1, 63, r"[a-z0-9-]+(\.[a-z0-9-]+)+", Unique.PARENT),
        Kind.DNS_LINK: Limit("", 1, 80, NETWORK_NAME, Unique.PARENT),
        Kind.PEERING: Limit("", 1, 80, NETWORK_NAME, Unique.PARENT),
        Kind.SCALE_SET: Limit("vmss", 1, 64, r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9_-])?", Unique.RESOURCE_GROUP),
        Kind.BUILD_POOL: Limit("", 3, 20, r"[A-Za-z0-9-]+", Unique.PARENT),
        Kind.KEY: Limit("", 1, 127, r"[A-Za-z0-9-]+", Unique.PARENT),
        Kind.ACTION_GROUP: Limit("ag", 1, 260, r"[^/&%\\?#:<>|*]*[^/&%\\?#:<>|*. ]", Unique.RESOURCE_GROUP),
        Kind.METRIC_ALERT: Limit("ma", 1, 260, r"[^*#&+:<>?@%{}\\/|]*[^*#&+:<>?@%{}\\/|. ]", Unique.RESOURCE_GROUP),
        Kind.QUERY_ALERT: Limit("sqr", 1, 260, r"[^*<>%{}&:\\?/#|]*[^*<>%{}&:\\?/#|. ]", Unique.RESOURCE_GROUP),
        Kind.DATA_COLLECTION_RULE: Limit("dcr", 1, 64, r"[A-Za-z0-9]([\w.-]*\w)?", Unique.RESOURCE_GROUP),
        Kind.DATA_COLLECTION_ASSOCIATION: Limit("", 1, 64, r"[A-Za-z0-9]([\w.-]*\w)?", Unique.PARENT),
        Kind.DIAGNOSTIC_SETTING: Limit("", 1, 260, r"[^*<>%{}&:\\?+/#|]*[^*<>%{}&:\\?+/#|. ]", Unique.PARENT),
        Kind.BUDGET: Limit("budget", 1, 63, r"[A-Za-z0-9_-]+", Unique.RESOURCE_GROUP),
        Kind.POLICY_SET: Limit("policies", 1, 64, POLICY_NAME, Unique.SUBSCRIPTION),
        Kind.POLICY_ASSIGNMENT: Limit("policies", 1, 64, POLICY_NAME, Unique.RESOURCE_GROUP),
    }
)


@dataclass(frozen=True)
class Naming:
    """Names for one stack of one project in one subscription. `given`: by kind and role, what has a name already."""

    project: str
    stack: str
    suffix: str
    given: Mapping[tuple[Kind, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, *, subscription_id: str, project: str, stack: str, salt: str = "") -> Naming:
        """The naming of a stack. Another salt gives other names."""
        text = "/".join((subscription_id.lower(), project, stack, salt))
        digest = base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()
        return cls(_letters_and_digits(project), _letters_and_digits(stack), digest[:SUFFIX_LENGTH])

    def name(self, kind: Kind, role: str = "") -> str:
        """The name of the one resource of this kind, or of the one with this role.

        Raises:
            ValueError: the role does not fit into Azure's limits.
        """
        if (kind, role) in self.given:
            return self.given[kind, role]
        limit = LIMITS[kind]
        name = role if limit.unique is Unique.PARENT else self._compose(limit, role)
        if not limit.shortest <= len(name) <= limit.longest or not re.fullmatch(limit.pattern, name, re.ASCII):
            raise ValueError(
                f"{name!r} is no name for {kind}: "
                f"{limit.shortest} to {limit.longest} characters of the form {limit.pattern}"
            )
        return name

    def _compose(self, limit: Limit, role: str) -> str:
        """Shortens project and stack, never the role or the suffix."""
        fixed = len(limit.separator.join(part for part in (limit.abbreviation, role, self.suffix) if part))
        room = limit.longest - fixed - len(limit.separator)
        owner = limit.separator.join(part for part in (self.project, self.stack) if part)[: max(room, 0)].strip("-")
        return limit.separator.join(part for part in (limit.abbreviation, owner, role, self.suffix) if part)


def required_tags(settings: StackSettings, stack: str) -> dict[str, str]:
    """The tags every taggable resource carries."""
    expiry = {"expires-on": settings.expires_on} if settings.expires_on else {}
    return {
        "application": APPLICATION,
        "cost-center": settings.cost_center,
        "environment": settings.environment,
        **expiry,
        "managed-by": "pulumi",
        "owner": settings.owner,
        "stack": stack,
    }


def _letters_and_digits(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
