"""Identity: who opens what, and with which kind of key."""

from policies.rule import ALWAYS, Rule, Severity, Sources, must_be

NO_SHARED_KEY = Rule(
    id="R-08",
    name="storage-no-shared-key",
    title="A storage account opens to identities, not to its key",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=("storage:StorageAccount",),
    fix="Leave allow_shared_key_access=False in infra/storage.py; who needs data gets a role in infra/permissions.py",
    sources=Sources(
        azure_policy=("8c6a50c6-9ffd-4ae7-986f-5fa6111f9a54",),
        benchmark=("IM-1",),
        checkov=("CKV2_AZURE_40",),
        psrule=("AZR-000202",),
    ),
    check=must_be("allowSharedKeyAccess", False),
)
