"""Where a resource stands on the page, and what is said of it: a table by ARM type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tools.diagram.items import IDENTITY, Item


class Zone(StrEnum):
    """A column of the page, in their order."""

    INGEST = "Ingest"
    DATA = "Data"
    LEARNING = "Machine learning"
    SERVING = "Serving"
    OPERATIONS = "Operations and identities"


@dataclass(frozen=True)
class Place:
    """A box. Resources of one title share theirs, unless the title follows from the resource; `says` is what is worth a
    line there, and `short` what a narrow column calls it.
    """

    zone: Zone
    title: str | Callable[[Item], str]
    says: Callable[[Item], str] = lambda _: ""
    short: str = ""

    def title_of(self, item: Item) -> str:
        """The box of a resource."""
        return self.title if isinstance(self.title, str) else self.title(item)


def _storage(item: Item) -> str:
    if item.properties.get("isHnsEnabled"):
        return "Data lake"
    return "ML storage" if item.name == "storage" else f"{item.name.capitalize()} storage"


def _sku(item: Item) -> str:
    return str((item.body.get("sku") or {}).get("name") or "").replace("_", " ")


def _size(name: str) -> str:
    return name.removeprefix("Standard_")


def _nodes(least: int, most: int, size: str, name: str) -> str:
    count = f"{least}" if least == most else f"{least} to {most}"
    return f"{name}: {count} × {_size(size)}"


def _compute(item: Item) -> str:
    inner = item.properties["properties"]
    if item.properties["computeType"] == "ComputeInstance":
        idle = re.sub(r"PT(\d+)M", r"\1 min", inner.get("idleTimeBeforeShutdown", ""))
        return f"{_size(inner['vmSize'])}, stops when idle for {idle}" if idle else _size(inner["vmSize"])
    scale = inner["scaleSettings"]
    return _nodes(scale["minNodeCount"], scale["maxNodeCount"], inner["vmSize"], item.own_name)


def _pool(pool: Mapping[str, object]) -> str:
    least, most = pool.get("minCount", pool.get("count")), pool.get("maxCount", pool.get("count"))
    return _nodes(int(str(least)), int(str(most)), str(pool["vmSize"]), str(pool["name"]))


def _added_pool(item: Item) -> str:
    return _pool({**item.properties, "name": item.own_name})


def _cluster(item: Item) -> str:
    version = item.properties.get("kubernetesVersion")
    return "; ".join([f"Kubernetes {version}", *(_pool(pool) for pool in item.properties["agentPoolProfiles"])])


def _managed_network(item: Item) -> str:
    network = item.properties.get("managedNetwork") or {}
    words = {"AllowOnlyApprovedOutbound": "approved hosts only", "AllowInternetOutbound": "internet allowed"}
    if not network:
        return "jobs without a network of their own"
    rules = (network.get("outboundRules") or {}).values()
    ends = sum(1 for rule in rules if rule["type"] == "PrivateEndpoint")
    hosts = sum(1 for rule in rules if rule["type"] == "FQDN")
    named = f", {hosts} hosts" if hosts else ""
    mode = words.get(network["isolationMode"], network["isolationMode"])
    return f"managed network: {mode}{named}, {ends} private endpoints"


def _logs(item: Item) -> str:
    quota = (item.properties.get("workspaceCapping") or {}).get("dailyQuotaGb")
    return f"{item.properties.get('retentionInDays')} days{f', at most {quota:g} GB a day' if quota else ''}"


def _vault(item: Item) -> str:
    return "roles only, purge protected" if item.properties.get("enablePurgeProtection") else "roles only"


def _receivers(item: Item) -> str:
    mails = item.properties.get("emailReceivers") or []
    return f"mail to {len(mails)} address{'es' if len(mails) != 1 else ''}"


def _budget(item: Item) -> str:
    return f"budget {item.properties['amount']:g} a month"


def _hub(item: Item) -> str:
    return f"{_sku(item)}, {(item.body.get('sku') or {}).get('capacity')} unit"


def _folder(item: Item) -> str:
    begin = str((item.properties.get("filter") or {}).get("subjectBeginsWith"))
    return f"files in {begin.rpartition('/containers/')[2].replace('/blobs/', '/')}"


def _looks(item: Item) -> str:
    (trigger,) = item.properties["definition"]["triggers"].values()
    minutes = trigger["recurrence"]["interval"]
    return f"looks every {f'{minutes} minutes' if minutes > 1 else 'minute'}"


def _database(item: Item) -> str:
    return f"{item.own_name}, {_sku(item)}"


def _system(item: Item) -> str:
    key = "; client key" if item.properties.get("authMode") == "Key" else ""
    return f"{item.name.removesuffix('-endpoint').replace('_', ' ')}{key}"


def _computes(item: Item) -> str:
    return "Compute instance" if item.properties["computeType"] == "ComputeInstance" else "Job clusters"


ML = "Microsoft.MachineLearningServices/workspaces"
AKS = "Microsoft.ContainerService/managedClusters"
PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "Microsoft.DataFactory/factories": Place(Zone.INGEST, "Data Factory"),
        "Microsoft.Databricks/workspaces": Place(Zone.INGEST, "Databricks", _sku),
        "Microsoft.Databricks/accessConnectors": Place(Zone.INGEST, "Databricks", lambda _: "access connector"),
        "Microsoft.Devices/IotHubs": Place(Zone.INGEST, "IoT Hub", _hub),
        "Microsoft.Devices/provisioningServices": Place(
            Zone.INGEST, "Device provisioning", lambda _: "by certificate", "device prov."
        ),
        "Microsoft.EventGrid/systemTopics": Place(Zone.INGEST, "File trigger"),
        "Microsoft.EventGrid/systemTopics/eventSubscriptions": Place(Zone.INGEST, "File trigger", _folder),
        "Microsoft.Logic/workflows": Place(Zone.INGEST, "File trigger", _looks),
        "Microsoft.Storage/storageAccounts": Place(Zone.DATA, _storage, _sku),
        "Microsoft.Sql/servers": Place(Zone.DATA, "SQL", lambda _: "Entra tokens only"),
        "Microsoft.Sql/servers/databases": Place(Zone.DATA, "SQL", _database),
        ML: Place(Zone.LEARNING, "Azure ML workspace", _managed_network, "ML workspace"),
        f"{ML}/computes": Place(Zone.LEARNING, _computes, _compute),
        f"{ML}/onlineEndpoints": Place(Zone.SERVING, "Online endpoints", _system),
        "Microsoft.MachineLearningServices/registries": Place(
            Zone.LEARNING, "Model registry", lambda _: "shared by workspaces, for promotion"
        ),
        "Microsoft.ContainerRegistry/registries": Place(Zone.SERVING, "Container registry", _sku, "container registry"),
        AKS: Place(Zone.SERVING, "Kubernetes (AKS)", _cluster, "AKS"),
        f"{AKS}/agentPools": Place(Zone.SERVING, "Kubernetes (AKS)", _added_pool),
        f"{ML}/batchEndpoints": Place(Zone.SERVING, "Batch endpoint", lambda _: "scores files"),
        "Microsoft.Compute/virtualMachineScaleSets": Place(Zone.OPERATIONS, "Runners", _sku),
        "Microsoft.OperationalInsights/workspaces": Place(Zone.OPERATIONS, "Log Analytics", _logs),
        "Microsoft.Insights/dataCollectionRules": Place(
            Zone.OPERATIONS, "Log Analytics", lambda _: "container insights"
        ),
        "Microsoft.Insights/components": Place(Zone.OPERATIONS, "Application Insights", short="App Insights"),
        "Microsoft.Insights/actionGroups": Place(Zone.OPERATIONS, "Alerts and budget", _receivers),
        "Microsoft.Consumption/budgets": Place(Zone.OPERATIONS, "Alerts and budget", _budget),
        "Microsoft.Insights/metricAlerts": Place(Zone.OPERATIONS, "Alerts and budget", lambda _: "alert"),
        "Microsoft.Insights/scheduledQueryRules": Place(Zone.OPERATIONS, "Alerts and budget", lambda _: "alert"),
        "Microsoft.Insights/workbooks": Place(Zone.OPERATIONS, "Alerts and budget", lambda _: "workbook"),
        "Microsoft.KeyVault/vaults": Place(Zone.OPERATIONS, "Key Vault", _vault),
        IDENTITY: Place(Zone.OPERATIONS, "Identities", lambda _: "user-assigned identity"),
        f"{IDENTITY}/federatedIdentityCredentials": Place(
            Zone.OPERATIONS, "Identities", lambda _: "federated credential"
        ),
    }
)
NETWORK = (
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/natGateways",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
)
"""Types that the band of the network shows."""
ELSEWHERE = (
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Resources/tags",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/locks",
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.Insights/dataCollectionRuleAssociations",
)
"""Types that are the frame, a mark on another box, or the table of rights."""
QUIET = (
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/managementPolicies",
    "Microsoft.Sql/servers/auditingSettings",
    "Microsoft.DataFactory/factories/credentials",
    "Microsoft.DataFactory/factories/integrationRuntimes",
    "Microsoft.DataFactory/factories/managedVirtualNetworks",
    f"{AKS}/maintenanceConfigurations",
    "Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups",
)
"""Types within another one's box that go without saying."""
NAMED = (
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.Storage/storageAccounts/queueServices/queues",
)
"""Types within another one's box that are listed by name."""


RUN_TOGETHER = {"dataflows": "data flows", "linkedservices": "linked services"}


def noun(arm_type: str, count: int) -> str:
    """`2 linked services`, `1 query rule`: what a type is called where its resources are counted."""
    last = arm_type.rpartition("/")[2]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last).lower()
    words = RUN_TOGETHER.get(words, words)
    one = re.sub(r"ies$", "y", words) if words.endswith("ies") else words.removesuffix("s")
    return f"{count} {one if count == 1 else words}"


def plural(words: str) -> str:
    """`identities` of `identity`."""
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def title_of_unknown(arm_type: str) -> str:
    """For a service that the table has no line for: `Microsoft.EventGrid/topics` is `EventGrid topics`."""
    provider, _, rest = arm_type.partition("/")
    return f"{provider.removeprefix('Microsoft.')} {noun(rest, 2).partition(' ')[2]}"
