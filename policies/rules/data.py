"""Data: how it is protected on its way, how it can be brought back."""

from policies.rule import ALWAYS, Rule, Severity, Sources, all_of, must_be

STORAGE = ("storage:StorageAccount",)

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
