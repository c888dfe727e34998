"""Tags, names and places: whose a resource is, what it is called, where it stands."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import ADVICE, ALWAYS, MENDED, Rule, Severity, Sources, listed
from policies.view import View

FROM_CONFIGURATION = {"owner": "owner", "environment": "environment", "cost-center": "costCenter"}
"""By tag, the key of the stack file that holds its value."""
FIXED = {"application": "mlops", "managed-by": "pulumi"}
REQUIRED = (*FROM_CONFIGURATION, *FIXED)
EXPIRY = "expires-on"
TAKES_TAGS = (
    "applicationinsights:*",
    "containerinstance:ContainerGroup",
    "containerregistry:AgentPool",
    "containerregistry:Registry",
    "containerservice:AgentPool",
    "containerservice:ManagedCluster",
    "databricks:AccessConnector",
    "databricks:Workspace",
    "datafactory:Factory",
    "deviceprovisioningservices:IotDpsResource",
    "eventgrid:SystemTopic",
    "iothub:IotHubResource",
    "keyvault:Vault",
    "logic:Workflow",
    "machinelearningservices:BatchEndpoint",
    "machinelearningservices:Compute",
    "machinelearningservices:OnlineEndpoint",
    "machinelearningservices:Registry",
    "machinelearningservices:Workspace",
    "managedidentity:UserAssignedIdentity",
    "monitor:ActionGroup",
    "monitor:DataCollectionRule",
    "monitor:MetricAlert",
    "monitor:ScheduledQueryRule",
    "network:NatGateway",
    "network:NetworkSecurityGroup",
    "network:PrivateEndpoint",
    "network:PublicIPAddress",
    "network:VirtualNetwork",
    "operationalinsights:Workspace",
    "privatedns:PrivateZone",
    "privatedns:VirtualNetworkLink",
    "sql:Database",
    "sql:Server",
    "storage:StorageAccount",
)
GROUP = ("resources:ResourceGroup",)
MOST_TAGS, LONGEST_NAME, LONGEST_VALUE = 50, 512, 256
"""Azure's limits: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources."""
LOOKS_SECRET = re.compile(
    r"AccountKey=|SharedAccessKey=|[?&]sig=|-----BEGIN|^eyJ[\w-]+\.eyJ|password\s*=", re.IGNORECASE
)
NAMES = {
    "containerregistry:Registry": ("registryName", r"[a-zA-Z0-9]{5,50}"),
    "keyvault:Vault": ("vaultName", r"(?=.{3,24}$)[a-zA-Z](-?[a-zA-Z0-9])+"),
    "storage:StorageAccount": ("accountName", r"[a-z0-9]{3,24}"),
    "resources:ResourceGroup": ("resourceGroupName", r"[\w().-]{0,89}[\w()-]"),
    "applicationinsights:Component": ("resourceName", r"[^%&\\?/]{0,254}[^%&\\?/. ]"),
    "operationalinsights:Workspace": ("workspaceName", r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]"),
    "machinelearningservices:Workspace": ("workspaceName", r"[a-zA-Z0-9][\w-]{2,32}"),
    "sql:Server": ("serverName", r"(?!-)[a-z0-9-]{1,63}(?<!-)"),
    "iothub:IotHubResource": ("resourceName", r"[a-zA-Z0-9][a-zA-Z0-9-]{1,48}[a-zA-Z0-9]"),
    "datafactory:Factory": ("factoryName", r"(?=.{3,63}$)[a-zA-Z0-9](-?[a-zA-Z0-9])*"),
}
"""By type, the input with its name in Azure, and what Azure takes
(https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules).
"""
GLOBAL = "global"
"""The location of what has none."""


def _missing(one: View) -> list[str]:
    tags: Mapping[str, Any] = one.get("tags") or {}
    return [name for name in REQUIRED if name not in tags]


def _tags(one: View) -> Iterator[str]:
    if found := _missing(one):
        yield f"lacks the tag{'s' if len(found) > 1 else ''} {listed(found)}"


def _supplied(one: View) -> Mapping[str, Any]:
    """The missing tags that the stack knows the value of."""
    known = {name: one.config.get(key) for name, key in FROM_CONFIGURATION.items()} | FIXED
    found = {name: str(known[name]) for name in _missing(one) if known[name]}
    return {"tags": found} if found else {}


def _values(one: View) -> Iterator[str]:
    tags: Mapping[str, Any] = one.get("tags") or {}
    for name, key in FROM_CONFIGURATION.items():
        wanted = one.config.get(key)
        if name in tags and wanted is not None and tags[name] != str(wanted):
            yield f"tag {name} is {tags[name]}, but mlops:{key} is {wanted}"


def _limits(one: View) -> Iterator[str]:
    tags: Mapping[str, Any] = one.get("tags") or {}
    if len(tags) > MOST_TAGS:
        yield f"has {len(tags)} tags, Azure takes {MOST_TAGS}"
    for name in tags:
        if len(name) > LONGEST_NAME:
            yield f"tag {name[:20]}… has a name of {len(name)} characters, Azure takes {LONGEST_NAME}"
        if len(str(tags[name])) > LONGEST_VALUE:
            yield f"tag {name} has a value of {len(str(tags[name]))} characters, Azure takes {LONGEST_VALUE}"
        if LOOKS_SECRET.search(str(tags[name])):
            yield f"tag {name} looks like a secret, and everybody who may read the resource reads its tags"


def _expiry(one: View) -> Iterator[str]:
    tags: Mapping[str, Any] = one.get("tags") or {}
    if EXPIRY not in tags:
        return
    try:
        day = dt.date.fromisoformat(str(tags[EXPIRY]))
    except ValueError:
        yield f"tag {EXPIRY} is {tags[EXPIRY]}, which is no date such as 2027-01-31"
        return
    if day < one.config.today:
        yield f"tag {EXPIRY} says {day}, which has passed"


def _place(one: View) -> Iterator[str]:
    here, wanted = one.get("location"), one.config.get("location")
    if here and wanted and str(here).replace(" ", "").lower() not in (GLOBAL, wanted):
        yield f"is in {here}, but the stack is in {wanted}"


def _name(one: View) -> Iterator[str]:
    key, pattern = NAMES[one.short_type]
    name = one.get(key)
    if name is not None and not re.fullmatch(pattern, str(name)):
        yield f"{key} is {name}, which Azure does not take"


TAGS_FIX = "Pass tags=required_tags(…) of infra/naming.py; they say mlops:owner, mlops:environment and mlops:costCenter"

REQUIRED_TAGS = Rule(
    id="T-01",
    name="required-tags",
    title="Whatever takes tags says whose it is, who pays, and what made it",
    severity=Severity.MEDIUM,
    levels=MENDED,
    types=TAKES_TAGS,
    fix=TAGS_FIX,
    sources=Sources(azure_policy=("871b6d14-10aa-478d-b590-94f262ecfa99",), psrule=("AZR-000166", "AZR-000477")),
    check=_tags,
    remedy=_supplied,
)
GROUP_TAGS = Rule(
    id="T-02",
    name="group-tags",
    title="A resource group says whose it is: the bill goes by its tags",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=GROUP,
    fix=TAGS_FIX,
    sources=Sources(azure_policy=("96670d01-0a4d-4649-9c89-2d3abc0a5025",), psrule=("AZR-000478",)),
    check=_tags,
)
TAG_VALUES = Rule(
    id="T-03",
    name="tag-values",
    title="Tags say what the stack file says",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=(*TAKES_TAGS, *GROUP),
    fix="Take the value from the settings, or change mlops:owner, mlops:environment or mlops:costCenter",
    sources=Sources(azure_policy=("1e30110a-5ceb-460c-a204-c1c3969c6d62",)),
    check=_values,
)
TAG_EXPIRY = Rule(
    id="T-04",
    name="not-expired",
    title="What has a day on which it is to go has not outlived it",
    severity=Severity.LOW,
    levels=ADVICE,
    types=(*TAKES_TAGS, *GROUP),
    fix=f"Take the stack down (`make down STACK=…`), or write a later day into the tag {EXPIRY}",
    check=_expiry,
)
TAG_LIMITS = Rule(
    id="T-05",
    name="tag-limits",
    title="Tags keep to Azure's limits and hold no secret",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=(*TAKES_TAGS, *GROUP),
    fix="Shorten it, or keep the secret in Key Vault",
    sources=Sources(page="https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources"),
    check=_limits,
)
ONE_REGION = Rule(
    id="T-06",
    name="one-region",
    title="A stack stands in one region, that of its file",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=(*TAKES_TAGS, *GROUP),
    fix="Use location=settings.location; to move a stack, change mlops:location",
    sources=Sources(
        psrule=("AZR-000167",), page="https://learn.microsoft.com/azure/reliability/cross-region-replication-azure"
    ),
    check=_place,
)
NAMING = Rule(
    id="T-07",
    name="names-azure-takes",
    title="Names are such as Azure takes",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=tuple(NAMES),
    fix="Let infra/naming.py make the name: it knows the limits and adds a suffix; mlops:nameSalt gives another one",
    sources=Sources(
        psrule=("AZR-000464", "AZR-000007", "AZR-000120", "AZR-000070", "AZR-000486"),
        page="https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules",
    ),
    check=_name,
)
