"""The meters that an estimate can use, in the spelling of Azure's retail price API. `make prices` asks for these alone.

The API (https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices) has `serviceName`,
`productName`, `skuName`, `meterName`, `unitOfMeasure`; of virtual machines the SKU is `armSkuName` here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

HOURS = 730.0
"""A month, as Azure's price lists count it."""
DAYS = HOURS / 24
SECONDS = HOURS * 3600


@dataclass(frozen=True, order=True)
class Meter:
    """One thing that Azure counts and asks money for."""

    service: str
    product: str
    sku: str
    meter: str
    unit: str
    """The API's `unitOfMeasure`: `1 Hour`, `10K`."""
    documented: bool = False
    """Whether a page of Microsoft's gives the price, not the API."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What finds its rows in the sheet."""
        return (self.service, self.product, self.sku, self.meter)


@dataclass(frozen=True)
class Unit:
    """What one price is for."""

    size: float
    of: str


UNITS = {
    "1 Hour": Unit(1, "hour"),
    "1/Hour": Unit(1, "hour"),
    "1/Day": Unit(24, "hour"),
    "1/Month": Unit(1, "month"),
    "1 Second": Unit(1, "second"),
    "1 GB": Unit(1, "GB"),
    "1 GB/Month": Unit(1, "GB"),
    "1 GB Hour": Unit(1, "GB hour"),
    "1": Unit(1, "one"),
    "1K": Unit(1_000, "one"),
    "10K": Unit(10_000, "one"),
    "50K": Unit(50_000, "one"),
    "100K": Unit(100_000, "one"),
    "1M": Unit(1_000_000, "one"),
}
"""By the API's spelling. What is per day is counted in hours, so that a quantity needs no thought about it."""

COPIES = ("LRS", "ZRS", "GRS", "GZRS")
_monitor = partial(Meter, "Azure Monitor", "Azure Monitor")
_registry = partial(Meter, "Container Registry", "Container Registry")
_factory = partial(Meter, "Azure Data Factory v2", "Azure Data Factory v2")
_firewall = partial(Meter, "Azure Firewall", "Azure Firewall")
_link = partial(Meter, "Virtual Network", "Virtual Network Private Link", "Standard")
_vault = partial(Meter, "Key Vault", "Key Vault")
_MANAGED = "Azure Managed VNET"
_SERVERLESS = "SQL Database General Purpose - Serverless - Compute Gen5"
_GENERAL = "SQL Database Single/Elastic Pool General Purpose - Storage"
_BACKUP = "SQL Database Single/Elastic Pool PITR Backup Storage"

REGISTRY_UNITS = {sku: _registry(sku, f"{sku} Registry Unit", "1/Day") for sku in ("Basic", "Standard", "Premium")}
REGISTRY_STORED = {sku: _registry(sku, "Data Stored", "1 GB/Month") for sku in REGISTRY_UNITS}
REGISTRY_TASKS = _registry("Basic", "Task vCPU Duration", "1 Second")
"""The same meter, with the same id, in all three SKUs."""

CONTAINER_CORES = Meter("Container Instances", "Container Instances", "Standard", "Standard vCPU Duration", "1 Hour")
CONTAINER_MEMORY = Meter(
    "Container Instances", "Container Instances", "Standard", "Standard Memory Duration", "1 GB Hour"
)

LOGS = Meter("Log Analytics", "Log Analytics", "Analytics Logs", "Analytics Logs Data Ingestion", "1 GB")
LOGS_KEPT = Meter("Log Analytics", "Log Analytics", "Analytics Logs", "Analytics Logs Data Retention", "1 GB/Month")
METRIC_ALERTS = _monitor("Alerts", "Alerts Metric Monitored", "1/Month")
LOG_ALERTS = {
    minutes: _monitor("Alerts", f"Alerts System Log Monitored at {minutes} Minute Frequency", "1/Month")
    for minutes in (1, 5, 10, 15)
}
LOG_ALERT_SERIES = {
    minutes: _monitor("Alerts", f"Alerts Resource Monitored at {minutes} Minute Frequency", "1/Month")
    for minutes in LOG_ALERTS
}
EMAILS = _monitor("Emails", "Emails", "1")

VAULT_OPERATIONS = {sku: _vault(sku.capitalize(), "Operations", "10K") for sku in ("standard", "premium")}
VAULT_LONG_KEYS = _vault("Standard", "Advanced Key Operations", "10K")

ENDPOINT = _link("Standard Private Endpoint", "1 Hour")
ENDPOINT_IN, ENDPOINT_OUT = (_link(f"Standard Data Processed - {way}", "1 GB") for way in ("Ingress", "Egress"))
ADDRESS = Meter("Virtual Network", "IP Addresses", "Standard", "Standard IPv4 Static Public IP", "1 Hour")
NAT = Meter("NAT Gateway", "NAT Gateway", "Standard", "Standard Gateway", "1 Hour")
NAT_DATA = Meter("NAT Gateway", "NAT Gateway", "Standard", "Standard Data Processed", "1 GB")
ZONE = Meter("Azure DNS", "Azure DNS", "Private", "Private Zone", "1/Month")
ZONE_QUERIES = Meter("Azure DNS", "Azure DNS", "Private", "Private Queries", "1M")
BALANCER = Meter(
    "Load Balancer", "Load Balancer", "Standard", "Standard Included LB Rules and Outbound Rules", "1 Hour"
)
BALANCER_DATA = Meter("Load Balancer", "Load Balancer", "Standard", "Standard Data Processed", "1 GB")
EGRESS = Meter("Bandwidth", "Rtn Preference: MGN", "Standard", "Standard Data Transfer Out", "1 GB")
FIREWALLS = {sku: _firewall(sku, f"{sku} Deployment", "1 Hour") for sku in ("Basic", "Standard")}
FIREWALL_DATA = {sku: _firewall(sku, f"{sku} Data Processed", "1 GB") for sku in FIREWALLS}

KUBERNETES_TIERS = {
    tier: Meter("Azure Kubernetes Service", "Azure Kubernetes Service", "Standard", meter, "1 Hour")
    for tier, meter in {"Standard": "Standard Uptime SLA", "Premium": "Standard Long Term Support"}.items()
}
DEFENDER = Meter(
    "Microsoft Defender for Cloud",
    "Microsoft Defender for Containers",
    "Standard vCore",
    "Standard vCore vCore Pack",
    "1/Hour",
)

DISKS = {
    gigabytes: Meter("Storage", "Premium SSD Managed Disks", f"{name} LRS", f"{name} LRS Disk", "1/Month")
    for gigabytes, name in {32: "P4", 64: "P6", 128: "P10", 256: "P15", 512: "P20"}.items()
}
COMPUTE_BALANCER = Meter(
    "Azure Machine Learning",
    "Load balancer of a compute",
    "Standard",
    "One an instance, one for 50 nodes",
    "1/Day",
    documented=True,
)

SQL_CORES = Meter("SQL Database", _SERVERLESS, "1 vCore", "vCore", "1 Hour")
SQL_STORED = Meter("SQL Database", _GENERAL, "General Purpose", "General Purpose Data Stored", "1 GB/Month")
SQL_BACKUP = {
    redundancy: Meter("SQL Database", _BACKUP, f"Backup {copies}", f"{copies} Data Stored", "1 GB/Month")
    for redundancy, copies in {"Local": "LRS", "Zone": "ZRS", "Geo": "RA-GRS", "GeoZone": "RA-GZRS"}.items()
}

FLOW_CORES = {
    kind: Meter("Azure Data Factory v2", f"Azure Data Factory v2 Data Flow - {name}", "vCore", "vCore", "1 Hour")
    for kind, name in {
        "General": "General Purpose",
        "ComputeOptimized": "Compute Optimized",
        "MemoryOptimized": "Memory Optimized",
    }.items()
}
FACTORY_RUNS, FACTORY_ACTIVITIES, FACTORY_EXTERNAL = (
    {False: _factory("Cloud", f"Cloud {what}", unit), True: _factory(_MANAGED, f"{_MANAGED} {what}", unit)}
    for what, unit in (
        ("Orchestration Activity Run", "1K"),
        ("Pipeline Activity", "1 Hour"),
        ("External Pipeline Activity", "1 Hour"),
    )
)
"""By whether the integration runtime is in a managed network."""
FACTORY_OPERATIONS = _factory("Cloud", "Cloud Read Write Operations", "50K")
FACTORY_WATCHED = _factory("Cloud", "Cloud Monitoring Operations", "50K")

HUB_UNITS = {
    sku: Meter("IoT Hub", "IoT Hub", name, f"{name} Unit", "1/Month")
    for sku, name in {"F1": "Free", "B1": "B1", "B2": "B2", "S1": "S1", "S2": "S2", "S3": "S3"}.items()
}
PROVISIONING = Meter("IoT Hub", "IoT Hub Device Provisioning", "S1", "S1 Operations", "1K")
EVENTS = Meter("Event Grid", "Event Grid", "Standard", "Standard Operations", "100K")
LOGIC_BUILT_IN = Meter("Logic Apps", "Logic Apps", "Consumption", "Consumption Built-in Actions", "1")
LOGIC_STORED = Meter("Logic Apps", "Logic Apps", "Consumption", "Consumption Data Retention", "1 GB/Month")

DATABRICKS = {
    kind: Meter("Azure Databricks", "Azure Databricks", f"Premium {name}", f"Premium {name} DBU", "1 Hour")
    for kind, name in {"jobs": "Jobs Compute", "all-purpose": "All-purpose Compute"}.items()
}

_blobs = partial(Meter, "Storage", "General Block Blob v2")
_lake = partial(Meter, "Storage", "Azure Data Lake Storage Gen2 Hierarchical Namespace")
STORED = {(copies, False): _blobs(f"Hot {copies}", f"Hot {copies} Data Stored", "1 GB/Month") for copies in COPIES} | {
    (copies, True): _lake(f"Hot {copies}", f"Hot {copies} Data Stored", "1 GB/Month") for copies in COPIES
}
WRITTEN = {(copies, False): _blobs(f"Hot {copies}", f"Hot {copies} Write Operations", "10K") for copies in COPIES} | {
    ("LRS", True): _lake("Hot LRS", "Hot Write Operations", "10K"),
    ("ZRS", True): _lake("Hot ZRS", "Hot ZRS Write Operations", "10K"),
    ("GRS", True): _lake("Hot GRS", "Hot GRS Write Operations", "10K"),
    ("GZRS", True): _lake("Hot GZRS", "Hot GZRS Write Operations", "10K"),
}
READ = {(copies, True): _lake(f"Hot {copies}", "Hot Read Operations", "10K") for copies in COPIES} | {
    ("LRS", False): _blobs("Hot LRS", "Hot Read Operations", "10K"),
    ("ZRS", False): _blobs("Hot ZRS", "Hot ZRS Read Operations", "10K"),
    ("GRS", False): _blobs("Hot GRS", "Hot Read Operations", "10K"),
    ("GZRS", False): _blobs("Hot GZRS", "Hot ZRS Read Operations", "10K"),
}
"""Of blob storage by (copies, hierarchical namespace): the API spells each of them its own way."""


SERVICES = tuple(
    sorted(
        {
            meter
            for value in list(globals().values())
            for meter in (value.values() if isinstance(value, dict) else (value,))
            if isinstance(meter, Meter)
        }
    )
)
"""Every meter above; `machines.py` has those of virtual machines."""
