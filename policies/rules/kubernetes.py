"""Kubernetes: the cluster of AKS and its pools of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import (
    ADVICE,
    ALWAYS,
    PRODUCTION,
    STRICTER,
    Check,
    Rule,
    Severity,
    Sources,
    Stack,
    Violation,
    all_of,
    must_be,
    unless_open,
)
from policies.view import View

CLUSTER = ("containerservice:ManagedCluster",)
POOLS = ("containerservice:ManagedCluster", "containerservice:AgentPool")
FILE = "infra/kubernetes.py"
ZONES = 3


def _pools(one: View) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The pools that a resource declares: a cluster its first ones, a pool itself."""
    if one.short_type == "containerservice:AgentPool":
        yield "the pool", one.inputs
    for pool in one.get("agentPoolProfiles", ()):
        yield f"pool {pool.get('name')}", pool


def every_pool(key: str, *wanted: Any, default: Any = None) -> Check:
    """That each pool has one of these values."""

    def check(one: View) -> Iterator[str]:
        for name, pool in _pools(one):
            if (found := pool.get(key, default)) not in wanted:
                yield f"{key} of {name} is {found}, not {' or '.join(str(value) for value in wanted)}"

    return check


def _zones(one: View) -> Iterator[str]:
    for name, pool in _pools(one):
        if len(pool.get("availabilityZones") or ()) < ZONES:
            yield f"{name} stands in {len(pool.get('availabilityZones') or ())} zones, not {ZONES}"


def _surge(one: View) -> Iterator[str]:
    for name, pool in _pools(one):
        if not (pool.get("upgradeSettings") or {}).get("maxSurge"):
            yield f"{name} says no maxSurge: an upgrade takes one node after the other out of service"


def _api_server(one: View) -> Iterator[str]:
    if not one.get("apiServerAccessProfile.enablePrivateCluster", False) and not one.get(
        "apiServerAccessProfile.authorizedIPRanges"
    ):
        yield "the API server answers every address"


def _network_policy(one: View) -> Iterator[str]:
    found = one.get("networkProfile.networkPolicy")
    if found not in ("cilium", "calico"):
        yield f"networkProfile.networkPolicy is {found or 'not set'}, not cilium or calico"


def _upgrades(one: View) -> Iterator[str]:
    if one.get("autoUpgradeProfile.upgradeChannel") not in ("patch", "stable", "rapid"):
        yield f"autoUpgradeProfile.upgradeChannel is {one.get('autoUpgradeProfile.upgradeChannel')}: no patches come"
    if one.get("autoUpgradeProfile.nodeOSUpgradeChannel") not in ("NodeImage", "SecurityPatch"):
        yield f"autoUpgradeProfile.nodeOSUpgradeChannel is {one.get('autoUpgradeProfile.nodeOSUpgradeChannel')}"


def _windows(stack: Stack) -> Iterator[Violation]:
    """Upgrades that come by themselves have a time in which they may."""
    told = {one.get("resourceName") for one in stack.of("containerservice:MaintenanceConfiguration")}
    for one in stack.of(*CLUSTER):
        if one.has("autoUpgradeProfile.upgradeChannel") and one.get("resourceName") not in told:
            yield Violation(one.urn, "upgrades come at any time of day")


LOCAL_ACCOUNTS = Rule(
    id="R-12",
    name="aks-no-local-accounts",
    title="A cluster is opened through Entra and Azure's roles alone",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=CLUSTER,
    fix=f"Leave disable_local_accounts and aad_profile as {FILE} has them",
    sources=Sources(
        azure_policy=("993c2fcd-2b29-49d2-9eb0-df2c3a730c32", "450d2877-ebea-41e8-b00c-e286317d21bf"),
        benchmark=("IM-1",),
        checkov=("CKV_AZURE_141",),
        psrule=("AZR-000031", "AZR-000032"),
    ),
    check=all_of(must_be("disableLocalAccounts", True), must_be("aadProfile.enableAzureRBAC", True)),
)
WORKLOAD_IDENTITY = Rule(
    id="R-13",
    name="aks-workload-identity",
    title="Pods act under identities of their own, without secrets",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=CLUSTER,
    fix=f"Leave oidc_issuer_profile and workload_identity as {FILE} has them",
    sources=Sources(azure_policy=("2cc2e023-0dac-4046-875b-178f683929d5",), benchmark=("IM-3",)),
    check=all_of(must_be("oidcIssuerProfile.enabled", True), must_be("securityProfile.workloadIdentity.enabled", True)),
)
KUBERNETES_ROLES = Rule(
    id="K-01",
    name="aks-roles",
    title="Rights in a cluster go by role",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=CLUSTER,
    fix=f"Leave enable_rbac=True in {FILE}; a cluster without it has to be made anew",
    sources=Sources(
        azure_policy=("ac4a19c2-fa67-49b4-8ae5-0b2e78c49457",), benchmark=("PA-7",), checkov=("CKV_AZURE_5",)
    ),
    check=must_be("enableRBAC", True, default=True),
)
MANAGED_IDENTITY = Rule(
    id="K-02",
    name="aks-managed-identity",
    title="A cluster has no service principal whose secret expires",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=CLUSTER,
    fix=f"Leave identity as {FILE} has it",
    sources=Sources(azure_policy=("da6e2401-19da-4532-9141-fb8fbde08431",), psrule=("AZR-000025",)),
    check=must_be("identity.type", "UserAssigned", "SystemAssigned"),
)
API_SERVER = Rule(
    id="N-08",
    name="aks-api-closed",
    title="The API server answers inside the network, or listed addresses alone",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=CLUSTER,
    fix="mlops:networkProfile: private closes it; with hybrid, mlops:allowedAddresses lists who is let in",
    sources=Sources(
        azure_policy=("040732e8-d947-40b8-95d6-854c95024bf8", "0e246bcf-5f6f-4f87-bc6f-775d4712c7ea"),
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_115", "CKV_AZURE_6"),
        psrule=("AZR-000030",),
    ),
    check=unless_open(_api_server),
)
NETWORK_POLICY = Rule(
    id="N-09",
    name="aks-network-policy",
    title="What pods may reach is enforced by an engine that has a future",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=CLUSTER,
    fix=f"Leave network_policy=cilium in {FILE}: Azure's own ends on Linux on 2028-09-30",
    sources=Sources(
        benchmark=("NS-1",),
        checkov=("CKV_AZURE_7",),
        psrule=("AZR-000027",),
        page="https://learn.microsoft.com/azure/aks/use-network-policies",
    ),
    check=_network_policy,
)
NO_PUBLIC_NODES = Rule(
    id="K-03",
    name="aks-nodes-no-public-address",
    title="Nodes have no public address",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=POOLS,
    fix=f"Leave enable_node_public_ip=False in {FILE}",
    sources=Sources(
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_143",),
        page="https://learn.microsoft.com/azure/aks/use-node-public-ips",
    ),
    check=every_pool("enableNodePublicIP", False, default=False),
)
COMMAND_INVOKE = Rule(
    id="K-04",
    name="aks-no-run-command",
    title="Nobody runs commands in a cluster around its API server",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=CLUSTER,
    fix=f"Leave disable_run_command=True in {FILE}",
    sources=Sources(azure_policy=("89f2d532-c53c-4f8f-9afa-4927b1114a0d",)),
    check=must_be("apiServerAccessProfile.disableRunCommand", True, default=False),
)
UPGRADES = Rule(
    id="D-08",
    name="aks-upgrades",
    title="Patches of Kubernetes and of the nodes come by themselves",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=CLUSTER,
    fix=f"Leave auto_upgrade_profile as {FILE} has it; mlops:kubernetes: {{version: …}} says the minor version",
    sources=Sources(
        azure_policy=("5c345cdf-2049-47e0-b8fe-b0e96bc2df35", "04408ca5-aa10-42ce-8536-98955cdddd4c"),
        benchmark=("PV-6",),
        checkov=("CKV_AZURE_171",),
        psrule=("AZR-000036",),
    ),
    check=_upgrades,
)
MAINTENANCE = Rule(
    id="K-05",
    name="aks-maintenance-window",
    title="Upgrades come in a window that somebody chose",
    severity=Severity.LOW,
    levels=STRICTER,
    types=CLUSTER,
    fix=f"Leave the maintenance configurations in {FILE}",
    sources=Sources(page="https://learn.microsoft.com/azure/aks/planned-maintenance"),
    stack_check=_windows,
)
TIER = Rule(
    id="K-06",
    name="aks-paid-tier",
    title="A cluster in production has an API server with a promise of uptime",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=CLUSTER,
    fix="mlops:environment: prod chooses the Standard tier in infra/kubernetes.py",
    sources=Sources(
        checkov=("CKV_AZURE_170",),
        psrule=("AZR-000285",),
        page="https://learn.microsoft.com/azure/aks/free-standard-pricing-tiers",
    ),
    check=must_be("sku.tier", "Standard", "Premium"),
)
IN_ZONES = Rule(
    id="K-07",
    name="aks-zones",
    title="Nodes in production stand in three zones",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=POOLS,
    fix=f"Leave availability_zones in {FILE}",
    sources=Sources(azure_policy=("2dec5f47-bc40-40d1-8c7d-a39d9d6808d1",), psrule=("AZR-000021",)),
    check=_zones,
)
POLICY_ADD_ON = Rule(
    id="D-09",
    name="aks-policy-add-on",
    title="Azure Policy looks into the cluster",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=CLUSTER,
    fix=f"Leave the add-on azurepolicy in {FILE}",
    sources=Sources(
        azure_policy=("0a15ec92-a229-4763-bb14-0ea34a568f8d",),
        benchmark=("PV-2",),
        checkov=("CKV_AZURE_116",),
        psrule=("AZR-000028",),
    ),
    check=must_be("addonProfiles.azurepolicy.enabled", True, default=False),
)
DEFENDER = Rule(
    id="K-08",
    name="aks-defender",
    title="Defender watches what runs in the cluster",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=CLUSTER,
    fix="Leave defender on below mlops:kubernetes",
    sources=Sources(
        azure_policy=("a1840de2-8088-4ea8-b153-b4c723e9cb01",), benchmark=("LT-1", "LT-2"), psrule=("AZR-000370",)
    ),
    check=must_be("securityProfile.defender.securityMonitoring.enabled", True, default=False),
)
SECRET_ROTATION = Rule(
    id="K-09",
    name="aks-secret-rotation",
    title="Secrets in pods follow Key Vault",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=CLUSTER,
    fix=f"Leave the add-on azureKeyvaultSecretsProvider with rotation in {FILE}",
    sources=Sources(
        benchmark=("IM-8",),
        checkov=("CKV_AZURE_172",),
        psrule=("AZR-000033", "AZR-000034"),
        page="https://learn.microsoft.com/azure/aks/csi-secrets-store-configuration-options",
    ),
    check=all_of(
        must_be("addonProfiles.azureKeyvaultSecretsProvider.enabled", True, default=False),
        must_be("addonProfiles.azureKeyvaultSecretsProvider.config.enableSecretRotation", "true", default="false"),
    ),
)
HOST_ENCRYPTION = Rule(
    id="K-10",
    name="aks-encryption-at-host",
    title="Disks and caches of nodes are encrypted where they are",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=POOLS,
    fix="Leave hostEncryption on below mlops:kubernetes; the subscription needs the feature EncryptionAtHost",
    sources=Sources(
        azure_policy=("41425d9f-d1a5-499a-9932-f8ed8453932c",), benchmark=("DP-4",), checkov=("CKV_AZURE_227",)
    ),
    check=every_pool("enableEncryptionAtHost", True, default=False),
)
EPHEMERAL_DISKS = Rule(
    id="K-11",
    name="aks-ephemeral-disks",
    title="Nodes keep nothing on their system disk",
    severity=Severity.LOW,
    levels=ADVICE,
    types=POOLS,
    fix=f"Leave os_disk_type in {FILE}; mlops:kubernetes: {{user: {{vmSize: …}}}} needs a size with a disk of its own",
    sources=Sources(
        checkov=("CKV_AZURE_226",),
        psrule=("AZR-000287",),
        page="https://learn.microsoft.com/azure/aks/concepts-storage#ephemeral-os-disk",
    ),
    check=every_pool("osDiskType", "Ephemeral", default="Managed"),
)
IMAGE_CLEANER = Rule(
    id="K-12",
    name="aks-image-cleaner",
    title="Images that nothing runs are removed from the nodes",
    severity=Severity.LOW,
    levels=ADVICE,
    types=CLUSTER,
    fix=f"Leave image_cleaner in {FILE}",
    sources=Sources(azure_policy=("af3c26b2-6fad-493e-9236-9c68928516ab",)),
    check=must_be("securityProfile.imageCleaner.enabled", True, default=False),
)
SURGE = Rule(
    id="K-13",
    name="aks-surge",
    title="An upgrade brings new nodes before it takes old ones away",
    severity=Severity.LOW,
    levels=STRICTER,
    types=POOLS,
    fix=f"Leave upgrade_settings in {FILE}",
    sources=Sources(page="https://learn.microsoft.com/azure/aks/upgrade-aks-cluster"),
    check=_surge,
)
