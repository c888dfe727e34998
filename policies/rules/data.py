"""Data: protected on its way, brought back when it was deleted, kept in more than one place."""

from __future__ import annotations

from collections.abc import Iterator

from policies.rule import (
    ALWAYS,
    PRODUCTION,
    PRODUCTION_ADVICE,
    STRICTER,
    Rule,
    Severity,
    Sources,
    Stack,
    Violation,
    all_of,
    must_be,
)
from policies.view import View

STORAGE = ("storage:StorageAccount",)
BLOBS = ("storage:BlobServiceProperties",)
VAULT = ("keyvault:Vault",)
STATEFUL = (
    "containerregistry:Registry",
    "datafactory:Factory",
    "iothub:IotHubResource",
    "keyvault:Vault",
    "machinelearningservices:Registry",
    "machinelearningservices:Workspace",
    "sql:Database",
    "storage:BlobContainer",
    "storage:StorageAccount",
)
"""What nobody gets back who deletes it."""
LEAST_DAYS = {"dev": 7, "prod": 30}
VAULT_DAYS = 90


def _soft_delete(one: View) -> Iterator[str]:
    for path in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        least = LEAST_DAYS[one.config.profile]
        if one.get(f"{path}.enabled") is not True:
            yield f"{path} is off: what is deleted is gone"
        elif one.get(f"{path}.days", 0) < least:
            yield f"{path} keeps {one.get(f'{path}.days', 0)} days, not {least}"


def _protected(one: View) -> Iterator[str]:
    if not one.resource.protect:
        yield "may be deleted by an update"


def _versions(stack: Stack) -> Iterator[Violation]:
    """Accounts of data that is overwritten in place; a lake (hierarchical namespace) takes no versions."""
    lakes = {one.get("accountName") for one in stack.of(*STORAGE) if one.get("isHnsEnabled", False)}
    for one in stack.of(*BLOBS):
        if one.get("accountName") not in lakes and one.get("isVersioningEnabled", False) is not True:
            yield Violation(one.urn, "isVersioningEnabled is not true: what is overwritten is gone")


def _expiring(stack: Stack) -> Iterator[Violation]:
    """Old versions that nothing deletes are paid for ever."""
    swept = {one.get("accountName") for one in stack.of("storage:ManagementPolicy") if _deletes_versions(one)}
    for one in stack.of(*BLOBS):
        if one.get("isVersioningEnabled", False) and one.get("accountName") not in swept:
            yield Violation(one.urn, "keeps old versions, and no rule ever deletes them")


def _deletes_versions(policy: View) -> bool:
    return any(
        rule.get("enabled", True) and "version" in rule["definition"]["actions"]
        for rule in policy.get("policy.rules", ())
    )


PURGE_PROTECTION = Rule(
    id="D-01",
    name="vault-purge-protection",
    title="What is deleted in Key Vault can be brought back, whoever deletes it",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=VAULT,
    fix="mlops:environment: prod switches it on in infra/key_vault.py; a vault keeps it for ever",
    sources=Sources(
        azure_policy=("0b60c0b2-2dc2-4e1c-b5c9-abbed971de53",),
        benchmark=("DP-8",),
        checkov=("CKV_AZURE_110",),
        psrule=("AZR-000125",),
    ),
    check=must_be("properties.enablePurgeProtection", True),
)
SOFT_DELETE_VAULT = Rule(
    id="D-11",
    name="vault-soft-delete",
    title="Key Vault keeps what was deleted",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=VAULT,
    fix="Leave enable_soft_delete=True in infra/key_vault.py",
    sources=Sources(
        azure_policy=("1e66c121-a66a-4b1f-9b83-0fd99bf0fc2d",),
        benchmark=("DP-8",),
        checkov=("CKV_AZURE_111",),
        psrule=("AZR-000124",),
    ),
    check=must_be("properties.enableSoftDelete", True, default=True),
)
SOFT_DELETE_DAYS = Rule(
    id="D-12",
    name="vault-soft-delete-days",
    title="Key Vault keeps what was deleted for 90 days",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=VAULT,
    fix="mlops:environment: prod makes it 90 days in infra/key_vault.py",
    sources=Sources(
        benchmark=("DP-8",), page="https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview"
    ),
    check=must_be("properties.softDeleteRetentionInDays", VAULT_DAYS, default=VAULT_DAYS),
)
TLS = Rule(
    id="D-02",
    name="storage-tls-https",
    title="A storage account speaks HTTPS with TLS 1.2 or newer, and nothing else",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=STORAGE,
    fix="Leave minimum_tls_version and enable_https_traffic_only as infra/storage.py has them",
    sources=Sources(
        azure_policy=("fe83a0eb-a853-422d-aac2-1bffd182c5d0", "404c3081-a854-4457-ae30-26a93ef643f9"),
        benchmark=("DP-3",),
        checkov=("CKV_AZURE_3", "CKV_AZURE_44"),
        psrule=("AZR-000196", "AZR-000200"),
    ),
    check=all_of(
        must_be("minimumTlsVersion", "TLS1_2", "TLS1_3"),
        must_be("enableHttpsTrafficOnly", True, default=True),
    ),
)
SOFT_DELETE = Rule(
    id="D-03",
    name="storage-soft-delete",
    title="Deleted blobs and containers can be brought back",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=BLOBS,
    fix="Write `softDeleteDays: 30` below mlops:storage",
    sources=Sources(
        benchmark=("BR-2",),
        checkov=("CKV2_AZURE_38",),
        psrule=("AZR-000197", "AZR-000289"),
        page="https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview",
    ),
    check=_soft_delete,
)
VERSIONS = Rule(
    id="D-13",
    name="storage-versions",
    title="Blobs that are overwritten keep their old versions",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=BLOBS,
    fix="Leave is_versioning_enabled=True in infra/storage.py",
    sources=Sources(azure_policy=("c36a325b-ae04-4863-ad4f-19c6678f8e08",)),
    stack_check=_versions,
)
VERSIONS_EXPIRE = Rule(
    id="D-14",
    name="storage-versions-end",
    title="Old versions are deleted some day",
    severity=Severity.LOW,
    levels=STRICTER,
    types=BLOBS,
    fix="Leave the management policy in infra/storage.py: mlops:storage: {softDeleteDays: …} says after how many days",
    sources=Sources(page="https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview"),
    stack_check=_expiring,
)
REDUNDANCY = Rule(
    id="D-04",
    name="storage-redundancy",
    title="Data in production is kept in more than one data centre",
    severity=Severity.MEDIUM,
    levels=PRODUCTION_ADVICE,
    types=STORAGE,
    fix="Write `redundancy: Standard_ZRS` below mlops:storage",
    sources=Sources(
        azure_policy=("85b005b2-95fc-4953-b9cb-f9ee6427c754",),
        checkov=("CKV_AZURE_206",),
        psrule=("AZR-000195",),
    ),
    check=must_be("sku.name", "Standard_ZRS", "Standard_GZRS", "Standard_RAGZRS", "Standard_GRS", "Standard_RAGRS"),
)
NO_LOCAL_USERS = Rule(
    id="D-05",
    name="storage-no-local-users",
    title="A storage account has no users of its own",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=STORAGE,
    fix="Leave is_local_user_enabled=False in infra/storage.py",
    sources=Sources(
        benchmark=("IM-1",),
        checkov=("CKV_AZURE_244",),
        page="https://learn.microsoft.com/azure/storage/blobs/secure-file-transfer-protocol-support-authorize-access",
    ),
    check=must_be("isLocalUserEnabled", False, default=True),
)
NO_OTHER_TENANT = Rule(
    id="D-15",
    name="storage-stays-in-tenant",
    title="Blobs are copied to no other tenant",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=STORAGE,
    fix="Leave allow_cross_tenant_replication=False in infra/storage.py",
    sources=Sources(azure_policy=("92a89a79-6c52-4a7e-a03f-61306fc49312",)),
    check=must_be("allowCrossTenantReplication", False, default=False),
)
TRUSTED_SERVICES = Rule(
    id="D-16",
    name="storage-trusted-services",
    title="A closed storage account still answers trusted services of Azure",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=STORAGE,
    fix='Leave bypass="AzureServices" in infra/storage.py: the workspace and its logs go that way',
    sources=Sources(azure_policy=("c9d007d0-c057-4772-b18c-01e546713bcd",), checkov=("CKV_AZURE_36",)),
    check=lambda one: (
        [f"networkRuleSet.bypass is {one.get('networkRuleSet.bypass')}"]
        if "AzureServices" not in str(one.get("networkRuleSet.bypass", "AzureServices"))
        else []
    ),
)
REGISTRY_ZONES = Rule(
    id="D-07",
    name="registry-zones",
    title="Images in production are kept in more than one data centre",
    severity=Severity.MEDIUM,
    levels=PRODUCTION_ADVICE,
    types=("containerregistry:Registry",),
    fix="Leave zone_redundancy in infra/registry.py; mlops:networkProfile: private brings the tier that has it",
    sources=Sources(azure_policy=("9d2b0a20-57d6-474c-9d12-44a4a20999c6",), checkov=("CKV_AZURE_233",)),
    check=must_be("zoneRedundancy", "Enabled", default="Disabled"),
)
PROTECTED = Rule(
    id="D-10",
    name="stateful-protected",
    title="What holds data in production is deleted only after somebody has said so by hand",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=STATEFUL,
    fix="Leave protect=settings.is_production where it is declared; `pulumi state unprotect` lifts it for one resource",
    sources=Sources(page="https://www.pulumi.com/docs/iac/concepts/options/protect/"),
    check=_protected,
)
MODEL_REGISTRY_DATA = Rule(
    id="D-17",
    name="model-registry-data",
    title="The storage behind the model registry is closed to the world",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=("machinelearningservices:Registry",),
    fix="Leave the storage account of infra/model_registry.py as it is",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-manage-registries"),
    check=lambda one: (
        f"the storage in {region.get('location')} allows public blobs"
        for region in one.get("regionDetails", ())
        for account in region.get("storageAccountDetails", ())
        if account.get("systemCreatedStorageAccount", {}).get("allowBlobPublicAccess", False)
    ),
)
