"""Network: what answers from outside, and what reaches out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import (
    ALWAYS,
    PRODUCTION,
    STRICTER,
    Check,
    Rule,
    Severity,
    Sources,
    Stack,
    Violation,
    must_be,
    unless_open,
)
from policies.view import NotKnownYet, View

CLOSE = "mlops:networkProfile: private closes it"
WORKSPACE = ("machinelearningservices:Workspace",)
ANYWHERE = ("*", "0.0.0.0/0", "Internet", "Any", "::/0")
WITHOUT_RULES = ("GatewaySubnet", "AzureBastionSubnet", "AzureFirewallSubnet")
"""Subnets that take none: https://learn.microsoft.com/azure/virtual-network/virtual-network-vnet-plan-design-arm."""


def closed(path: str = "publicNetworkAccess") -> Check:
    """That a service has no public endpoint, where the network profile promises that."""
    return unless_open(must_be(path, "Disabled", default="Enabled"))


def _firewall(path: str) -> Check:
    """That a service which answers in public answers listed addresses alone."""

    def check(one: View) -> Iterator[str]:
        found = one.get(f"{path}.defaultAction", "Allow")
        public = path.removesuffix("networkAcls") + "publicNetworkAccess" if "." in path else "publicNetworkAccess"
        if found != "Deny":
            yield f"{path}.defaultAction is {found}: every address is let in"
        elif one.config.is_production and one.get(public, "Enabled") != "Disabled" and not _listed(one, path):
            yield f"{public} is Enabled, with no address listed: nothing needs the public endpoint"

    return unless_open(check)


def _listed(one: View, path: str) -> bool:
    return bool(one.get(f"{path}.ipRules"))


def _approved_only(one: View) -> Iterator[str]:
    found = one.get("managedNetwork.isolationMode")
    wanted = (
        ("AllowOnlyApprovedOutbound",)
        if one.config.is_production
        else (
            "AllowOnlyApprovedOutbound",
            "AllowInternetOutbound",
        )
    )
    if found not in wanted:
        yield f"managedNetwork.isolationMode is {found or 'not set'}: jobs reach any host"


def _no_public_nodes(one: View) -> Iterator[str]:
    if one.get("properties.properties.enableNodePublicIp", True) is not False:
        yield "nodes have public addresses"


def _wildcard(one: View) -> Iterator[str]:
    for rule in one.get("managedNetwork.outboundRules", {}).values():
        if rule.get("type") == "FQDN" and str(rule.get("destination")) in ("*", "*.*", "*.com"):
            yield f"an outbound rule approves {rule.get('destination')}"


def _inbound(rule: Mapping[str, Any]) -> bool:
    """Whether a rule of a security group lets in everybody."""
    sources = [rule.get("sourceAddressPrefix"), *(rule.get("sourceAddressPrefixes") or ())]
    open_ = rule.get("direction") == "Inbound" and rule.get("access") == "Allow"
    return open_ and any(source in ANYWHERE for source in sources)


def _rules(one: View) -> Iterator[str]:
    found = [one.inputs] if one.short_type == "network:SecurityRule" else list(one.get("securityRules", ()))
    for rule in found:
        if _inbound(rule):
            yield f"rule {rule.get('name', one.name)} lets in the whole internet"


def _subnet_rules(one: View) -> Iterator[str]:
    if one.get("subnetName") not in WITHOUT_RULES and not one.has("networkSecurityGroup.id"):
        yield "the subnet has no security group"


def _served(stack: Stack) -> str:
    """All that private endpoints are for, in lower case, in one text."""
    found = []
    for one in stack.of("network:PrivateEndpoint"):
        for connection in one.get("privateLinkServiceConnections", ()):
            found.append(str(connection["privateLinkServiceId"]).lower())
    return "\n".join(found)


OWN_NAMES = {
    "containerregistry:Registry": "registryName",
    "datafactory:Factory": "factoryName",
    "databricks:Workspace": "workspaceName",
    "deviceprovisioningservices:IotDpsResource": "provisioningServiceName",
    "iothub:IotHubResource": "resourceName",
    "keyvault:Vault": "vaultName",
    "machinelearningservices:Registry": "registryName",
    "machinelearningservices:Workspace": "workspaceName",
    "sql:Server": "serverName",
    "storage:StorageAccount": "accountName",
}
"""By type of what can be reached through a private endpoint, the input with its name."""


def _public(one: View) -> Any:
    return one.get("properties.publicNetworkAccess" if one.short_type == "keyvault:Vault" else "publicNetworkAccess")


def _unreachable(stack: Stack, *types: str) -> Iterator[Violation]:
    """What has no public endpoint, and no private one either."""
    served = _served(stack).split("\n")
    for one in stack.of(*types):
        name = str(one.get(OWN_NAMES[one.short_type], "")).lower()
        if _public(one) == "Disabled" and name and not any(text.endswith(f"/{name}") for text in served):
            yield Violation(one.urn, "has neither a public nor a private endpoint: nobody reaches it")


def _workspace_endpoint(stack: Stack) -> Iterator[Violation]:
    yield from _unreachable(stack, *WORKSPACE)


def _other_endpoints(stack: Stack) -> Iterator[Violation]:
    if stack.config.network_profile == "private":
        yield from _unreachable(stack, *(name for name in OWN_NAMES if name not in WORKSPACE))


def _names_resolve(stack: Stack) -> Iterator[Violation]:
    """A private endpoint without a group of DNS zones is an address that no name leads to."""
    named = set()
    for group in stack.of("network:PrivateDnsZoneGroup"):
        try:
            named.add(str(group.get("privateEndpointName", "")))
        except NotKnownYet:
            named.update(urn.rsplit("::", 1)[1] for urn in group.resource.depends_on)
    for one in stack.of("network:PrivateEndpoint"):
        if one.get("privateEndpointName") not in named and one.name not in named:
            yield Violation(one.urn, "has no DNS zone group: its service's name leads to the public address")


ML_CLOSED = Rule(
    id="N-01",
    name="workspace-closed",
    title="The workspace has no public endpoint",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=WORKSPACE,
    fix=CLOSE,
    sources=Sources(
        azure_policy=("438c38d2-3772-465a-a9cc-7a6666a275ce",),
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_144", "CKV2_AZURE_49"),
        psrule=("AZR-000406",),
    ),
    check=unless_open(
        lambda one: (
            ["publicNetworkAccess is Enabled"]
            if one.get("publicNetworkAccess", "Enabled") != "Disabled" and one.config.network_profile != "hybrid"
            else []
        )
    ),
)
ML_MANAGED_NETWORK = Rule(
    id="N-02",
    name="workspace-approved-hosts",
    title="Jobs reach approved hosts only",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=WORKSPACE,
    fix="mlops:networkProfile: private lets jobs out to the hosts that infra/workspace.py lists; hybrid to any host",
    sources=Sources(azure_policy=("6ddb1705-c8cf-450e-aa4b-19ad6703c440",), benchmark=("NS-2",)),
    check=unless_open(_approved_only),
)
NO_WILDCARD_HOST = Rule(
    id="N-15",
    name="workspace-no-wildcard-host",
    title="No approved host stands for all of them",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=WORKSPACE,
    fix="Name the host in the outbound rules of infra/workspace.py",
    sources=Sources(
        benchmark=("NS-2",), page="https://learn.microsoft.com/azure/machine-learning/how-to-managed-network"
    ),
    check=_wildcard,
)
ML_PRIVATE_ENDPOINT = Rule(
    id="N-03",
    name="workspace-private-endpoint",
    title="A closed workspace has a private endpoint",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=WORKSPACE,
    fix="List the workspace in infra/private_endpoints.py; mlops:networkProfile: private makes them all",
    sources=Sources(
        azure_policy=("45e05259-1eb5-4f70-9574-baf73e9d219b",), benchmark=("NS-2",), checkov=("CKV_AZURE_243",)
    ),
    stack_check=_workspace_endpoint,
)
COMPUTE_NO_PUBLIC = Rule(
    id="N-04",
    name="compute-no-public-address",
    title="Nodes have no public address",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=("machinelearningservices:Compute",),
    fix="Leave enable_node_public_ip=False in infra/compute.py and infra/notebooks.py",
    sources=Sources(
        azure_policy=("7804b5c7-01dc-4723-969b-ae300cc07ff1",), benchmark=("NS-2",), psrule=("AZR-000405",)
    ),
    check=unless_open(_no_public_nodes),
)
REGISTRY_CLOSED = Rule(
    id="N-05",
    name="registry-closed",
    title="The container registry has no public endpoint",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=("containerregistry:Registry",),
    fix=CLOSE,
    sources=Sources(
        azure_policy=("0fdf0491-d080-4575-b627-ad0e843cba0f", "e8eef0a8-67cf-4eb4-9386-14b0e78733d4"),
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_139",),
    ),
    check=must_be("publicNetworkAccess", "Disabled", default="Enabled"),
)
REGISTRY_DATA_ENDPOINT = Rule(
    id="N-16",
    name="registry-own-data-endpoint",
    title="A closed registry gives out layers from an address of its own",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=("containerregistry:Registry",),
    fix="Leave data_endpoint_enabled=True in infra/registry.py: a firewall can then let out to one host",
    sources=Sources(
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_237",),
        page="https://learn.microsoft.com/azure/container-registry/container-registry-dedicated-data-endpoints",
    ),
    check=lambda one: (
        ["dataEndpointEnabled is not true"]
        if one.get("publicNetworkAccess") == "Disabled" and one.get("dataEndpointEnabled") is not True
        else []
    ),
)
BUILD_COMPUTE = Rule(
    id="N-17",
    name="workspace-builds-inside",
    title="A closed registry's images are built on a cluster of the workspace",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=WORKSPACE,
    fix="Leave image_build_compute in infra/workspace.py: build tasks of Azure do not reach a closed registry",
    sources=Sources(
        benchmark=("NS-2",), page="https://learn.microsoft.com/azure/machine-learning/how-to-secure-workspace-vnet"
    ),
    check=lambda one: (
        ["imageBuildCompute is not set"]
        if one.get("publicNetworkAccess") == "Disabled" and not one.has("imageBuildCompute")
        else []
    ),
)
STORAGE_CLOSED = Rule(
    id="N-06",
    name="storage-closed",
    title="A storage account answers listed addresses alone, or none from outside",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=("storage:StorageAccount",),
    fix=f"{CLOSE}; with hybrid, list who is let in below mlops:allowedAddresses",
    sources=Sources(
        azure_policy=("34c877ad-507e-4c82-993e-3452a6e0ad3c", "b2982f36-99f2-4db5-8eff-283140c09693"),
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_35", "CKV_AZURE_36", "CKV_AZURE_59", "CKV2_AZURE_33"),
        psrule=("AZR-000202",),
    ),
    check=_firewall("networkRuleSet"),
)
STORAGE_NOT_WORLD = Rule(
    id="N-18",
    name="storage-not-for-the-world",
    title="Nothing in storage can be read without signing in",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=("storage:StorageAccount",),
    fix="Leave allow_blob_public_access=False in infra/storage.py; data for everybody goes through a service",
    sources=Sources(
        azure_policy=("4fa4b6c0-31ca-4c0d-b10d-24b96f62a751",),
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_190",),
        psrule=("AZR-000198",),
    ),
    check=must_be("allowBlobPublicAccess", False, default=True),
)
CONTAINER_NOT_WORLD = Rule(
    id="N-20",
    name="container-not-for-the-world",
    title="No container of blobs is public",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=("storage:BlobContainer",),
    fix="Leave public_access at None in infra/storage.py",
    sources=Sources(
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_34",),
        page="https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-prevent",
    ),
    check=must_be("publicAccess", "None", default="None"),
)
VAULT_CLOSED = Rule(
    id="N-07",
    name="vault-closed",
    title="Key Vault answers listed addresses alone, or none from outside",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=("keyvault:Vault",),
    fix=f"{CLOSE}; with hybrid, list who is let in below mlops:allowedAddresses",
    sources=Sources(
        azure_policy=("55615ac9-af46-4a59-874e-391cc3dfb490", "a6abeaec-4d90-4a02-805f-6b26c4d3fbe9"),
        benchmark=("NS-2", "DP-8"),
        checkov=("CKV_AZURE_109", "CKV_AZURE_189", "CKV2_AZURE_32"),
        psrule=("AZR-000355",),
    ),
    check=_firewall("properties.networkAcls"),
)
DATABRICKS_NO_PUBLIC_IP = Rule(
    id="N-10",
    name="databricks-no-public-address",
    title="Nodes of Databricks have no public address",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("databricks:Workspace",),
    fix="Leave enable_no_public_ip in infra/databricks.py",
    sources=Sources(
        azure_policy=("51c1490f-3319-459c-bbbc-7f391bbed753",), benchmark=("NS-2",), psrule=("AZR-000393",)
    ),
    check=must_be("parameters.enableNoPublicIp.value", True, default=False),
)
DATABRICKS_CLOSED = Rule(
    id="N-21",
    name="databricks-closed",
    title="Databricks stands in the stack's network and has no public endpoint",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=("databricks:Workspace",),
    fix=CLOSE,
    sources=Sources(
        azure_policy=("0e7849de-b939-4c50-ab48-fc6b0f5eeba2", "9c25c9e4-ee12-4882-afd2-11fb9d87893f"),
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_158",),
        psrule=("AZR-000410",),
    ),
    check=must_be("publicNetworkAccess", "Disabled", default="Enabled"),
)
ENDPOINT_CLOSED = Rule(
    id="N-13",
    name="endpoint-closed",
    title="An endpoint answers inside the network alone",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=("machinelearningservices:OnlineEndpoint",),
    fix=CLOSE,
    sources=Sources(
        benchmark=("NS-2",),
        page="https://learn.microsoft.com/azure/machine-learning/concept-secure-online-endpoint",
    ),
    check=must_be("properties.publicNetworkAccess", "Disabled", default="Enabled"),
)
MODEL_REGISTRY_CLOSED = Rule(
    id="N-22",
    name="model-registry-closed",
    title="The model registry has no public endpoint",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=("machinelearningservices:Registry",),
    fix=CLOSE,
    sources=Sources(
        benchmark=("NS-2",),
        page="https://learn.microsoft.com/azure/machine-learning/how-to-registry-network-isolation",
    ),
    check=must_be("publicNetworkAccess", "Disabled", default="Enabled"),
)
NO_ANY_INBOUND = Rule(
    id="N-14",
    name="no-open-port",
    title="No security group lets in the whole internet",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=("network:NetworkSecurityGroup", "network:SecurityRule"),
    fix="Name who is let in, in infra/virtual_network.py",
    sources=Sources(
        benchmark=("NS-1",),
        checkov=("CKV_AZURE_9", "CKV_AZURE_10"),
        psrule=("AZR-000137",),
        page="https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview",
    ),
    check=_rules,
)
SUBNET_RULES = Rule(
    id="N-23",
    name="subnet-has-rules",
    title="Every subnet has a security group",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("network:Subnet",),
    fix="Give it one in infra/virtual_network.py",
    sources=Sources(
        benchmark=("NS-1",),
        checkov=("CKV2_AZURE_31",),
        psrule=("AZR-000263",),
        page="https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview",
    ),
    check=_subnet_rules,
)
SUBNET_PRIVATE = Rule(
    id="N-24",
    name="subnet-no-default-way-out",
    title="A subnet has no way out that nobody declared",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("network:Subnet",),
    fix="Leave default_outbound_access=False in infra/virtual_network.py; the NAT gateway is the way out",
    sources=Sources(azure_policy=("7bca8353-aa3b-429b-904a-9229c4385837",)),
    check=must_be("defaultOutboundAccess", False, default=True),
)
PRIVATE_ENDPOINTS = Rule(
    id="N-19",
    name="closed-but-reachable",
    title="What has no public endpoint has a private one",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=tuple(name for name in OWN_NAMES if name not in WORKSPACE),
    fix="List it in infra/private_endpoints.py",
    sources=Sources(
        azure_policy=(
            "258823f2-4595-4b52-b333-cc96192710d8",
            "7698e800-9299-47a6-b3b6-5a0fee576eed",
            "df39c015-56a4-45de-b4a3-efe77bed320d",
        ),
        benchmark=("NS-2",),
    ),
    stack_check=_other_endpoints,
)
PRIVATE_NAMES = Rule(
    id="N-25",
    name="private-names",
    title="A private endpoint is found by the name of its service",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("network:PrivateEndpoint",),
    fix="Give it a zone group in infra/private_endpoints.py; mlops:network: {dnsZonesGroupId: …} names zones of a hub",
    sources=Sources(benchmark=("NS-2",), page="https://learn.microsoft.com/azure/private-link/private-endpoint-dns"),
    stack_check=_names_resolve,
)
