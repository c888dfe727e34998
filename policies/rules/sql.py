"""SQL: the server, its databases, and what is written down about their use."""

from __future__ import annotations

import ipaddress
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

SERVER = ("sql:Server",)
DATABASE = ("sql:Database",)
AUDITING = ("sql:ServerBlobAuditingPolicy",)
FILE = "infra/sql.py"
AUDITED = (
    "SUCCESSFUL_DATABASE_AUTHENTICATION_GROUP",
    "FAILED_DATABASE_AUTHENTICATION_GROUP",
    "BATCH_COMPLETED_GROUP",
)
"""Groups of actions that Microsoft asks for: https://learn.microsoft.com/azure/azure-sql/database/auditing-setup."""
MOST_ADDRESSES = 256


def _range(one: View) -> Iterator[str]:
    first, last = one.get("startIpAddress"), one.get("endIpAddress")
    if first == last == "0.0.0.0":  # noqa: S104 - how Azure writes "every Azure customer"
        yield "lets in every machine in Azure, of any customer"
        return
    count = int(ipaddress.IPv4Address(str(last))) - int(ipaddress.IPv4Address(str(first))) + 1
    if count > MOST_ADDRESSES:
        yield f"lets in {count} addresses ({first} to {last})"


def _audited(stack: Stack) -> Iterator[Violation]:
    told = {one.get("serverName") for one in stack.of(*AUDITING)}
    for one in stack.of(*SERVER):
        if one.get("serverName") not in told:
            yield Violation(one.urn, "nothing writes down who did what")


def _groups(one: View) -> Iterator[str]:
    missing = [name for name in AUDITED[:2] if name not in list(one.get("auditActionsAndGroups", ()))]
    if missing:
        yield f"auditActionsAndGroups lacks {', '.join(missing)}"


ENTRA_ONLY = Rule(
    id="S-01",
    name="sql-entra-only",
    title="A server knows no users with passwords of its own",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=SERVER,
    fix=f"Leave azure_ad_only_authentication=True in {FILE}",
    sources=Sources(
        azure_policy=("abda6d70-9778-44e7-84a8-06713e6db027",), benchmark=("IM-1",), psrule=("AZR-000369",)
    ),
    check=must_be("administrators.azureADOnlyAuthentication", True),
)
GROUP_ADMIN = Rule(
    id="S-02",
    name="sql-admins-by-group",
    title="Administrators of a server are a group",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=SERVER,
    fix="The group is mlops:deployersGroupId",
    sources=Sources(
        benchmark=("PA-7",), page="https://learn.microsoft.com/azure/azure-sql/database/authentication-aad-overview"
    ),
    check=must_be("administrators.principalType", "Group"),
)
TLS = Rule(
    id="S-03",
    name="sql-tls",
    title="Clients of a server speak TLS 1.2 or newer",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=SERVER,
    fix=f"Leave minimal_tls_version in {FILE}",
    sources=Sources(
        azure_policy=("32e6bbec-16b6-44c2-be37-c5b672d103cf",),
        benchmark=("DP-3", "IM-4"),
        checkov=("CKV_AZURE_52",),
        psrule=("AZR-000189",),
    ),
    check=must_be("minimalTlsVersion", "1.2", "1.3"),
)
CLOSED = Rule(
    id="S-04",
    name="sql-closed",
    title="A server has no public endpoint",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=SERVER,
    fix="mlops:networkProfile: private closes it",
    sources=Sources(
        azure_policy=("1b8ca024-1d5c-4dec-8995-b1a932b41780",), benchmark=("NS-2",), checkov=("CKV_AZURE_113",)
    ),
    check=must_be("publicNetworkAccess", "Disabled", default="Enabled"),
)
OUTBOUND = Rule(
    id="S-05",
    name="sql-no-way-out",
    title="A server sends data nowhere",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=SERVER,
    fix=f"Leave restrict_outbound_network_access in {FILE}",
    sources=Sources(
        benchmark=("NS-2",), page="https://learn.microsoft.com/azure/azure-sql/database/outbound-firewall-rule-overview"
    ),
    check=must_be("restrictOutboundNetworkAccess", "Enabled", default="Disabled"),
)
FIREWALL = Rule(
    id="S-06",
    name="sql-narrow-firewall",
    title="The firewall of a server lets in few addresses, and not all of Azure",
    severity=Severity.CRITICAL,
    levels=ALWAYS,
    types=("sql:FirewallRule",),
    fix="List single addresses or small ranges below mlops:allowedAddresses",
    sources=Sources(
        benchmark=("NS-2",),
        checkov=("CKV_AZURE_11", "CKV2_AZURE_34"),
        psrule=("AZR-000183", "AZR-000184"),
        page="https://learn.microsoft.com/azure/azure-sql/database/firewall-configure",
    ),
    check=_range,
)
HAS_AUDITING = Rule(
    id="S-07",
    name="sql-has-auditing",
    title="Every server writes down who did what",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=SERVER,
    fix=f"Leave the auditing policy in {FILE}",
    sources=Sources(
        benchmark=("LT-3",),
        checkov=("CKV_AZURE_23",),
        psrule=("AZR-000187",),
        page="https://learn.microsoft.com/azure/azure-sql/database/auditing-overview",
    ),
    stack_check=_audited,
)
AUDITING_ON = Rule(
    id="S-08",
    name="sql-auditing-kept",
    title="Auditing is on and goes to Log Analytics",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=AUDITING,
    fix=f"Leave both on in {FILE}; mlops:monitoring: {{retentionDays: …}} says how long it is kept",
    sources=Sources(
        benchmark=("LT-3",),
        checkov=("CKV_AZURE_24",),
        page="https://learn.microsoft.com/azure/azure-sql/database/auditing-overview",
    ),
    check=all_of(must_be("state", "Enabled"), must_be("isAzureMonitorTargetEnabled", True)),
)
AUDITED_ACTIONS = Rule(
    id="S-09",
    name="sql-auditing-sign-ins",
    title="Auditing writes down who signed in, and who could not",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=AUDITING,
    fix=f"Leave audit_actions_and_groups in {FILE}",
    sources=Sources(benchmark=("LT-3",), page="https://learn.microsoft.com/azure/azure-sql/database/auditing-setup"),
    check=_groups,
)
ZONES = Rule(
    id="S-10",
    name="sql-zones",
    title="A database in production survives the loss of a data centre",
    severity=Severity.MEDIUM,
    levels=PRODUCTION_ADVICE,
    types=DATABASE,
    fix="mlops:environment: prod makes it zone redundant in infra/sql.py",
    sources=Sources(azure_policy=("6221cac0-bb8d-40f4-9535-5d03f713f054",), checkov=("CKV_AZURE_229",)),
    check=must_be("zoneRedundant", True, default=False),
)
BACKUPS = Rule(
    id="S-11",
    name="sql-backups-elsewhere",
    title="Backups in production are kept in more than one data centre",
    severity=Severity.MEDIUM,
    levels=PRODUCTION_ADVICE,
    types=DATABASE,
    fix="mlops:environment: prod keeps them in all zones in infra/sql.py",
    sources=Sources(
        benchmark=("BR-2",), page="https://learn.microsoft.com/azure/azure-sql/database/automated-backups-overview"
    ),
    check=must_be("requestedBackupStorageRedundancy", "Zone", "Geo", "GeoZone", default="Geo"),
)
