"""Operations: what is written down, for how long, and who is told."""

from __future__ import annotations

from collections.abc import Iterator

from policies.rule import (
    ALWAYS,
    PRODUCTION,
    STRICTER,
    Rule,
    Severity,
    Sources,
    Stack,
    Violation,
    must_be,
    must_have,
)
from policies.view import NotKnownYet, View

SETTING = ("monitor:DiagnosticSetting",)
WRITES_DOWN = {
    "containerregistry:Registry": "registryName",
    "containerservice:ManagedCluster": "resourceName",
    "databricks:Workspace": "workspaceName",
    "datafactory:Factory": "factoryName",
    "deviceprovisioningservices:IotDpsResource": "provisioningServiceName",
    "eventgrid:SystemTopic": "systemTopicName",
    "iothub:IotHubResource": "resourceName",
    "keyvault:Vault": "vaultName",
    "logic:Workflow": "workflowName",
    "machinelearningservices:OnlineEndpoint": "endpointName",
    "machinelearningservices:Registry": "registryName",
    "machinelearningservices:Workspace": "workspaceName",
    "sql:Server": "serverName",
    "storage:StorageAccount": "accountName",
}
"""By type of what can write down what is done with it, the input with its name."""
ALERTS = ("monitor:MetricAlert", "monitor:ScheduledQueryRule")
PRODUCTION_DAYS = 90


def _watched(stack: Stack) -> tuple[set[str], set[str]]:
    """What diagnostic settings are for: words of the ids, and URNs where an id is not known yet."""
    words, urns = set(), set()
    for one in stack.of(*SETTING):
        try:
            words |= set(str(one.get("resourceUri", "")).lower().split("/"))
        except NotKnownYet:
            urns |= set(one.resource.depends_on)
    return words, urns


def _unwatched(stack: Stack) -> Iterator[Violation]:
    words, urns = _watched(stack)
    for one in stack.of(*WRITES_DOWN):
        name = str(one.get(WRITES_DOWN[one.short_type], "")).lower()
        if name not in words and one.urn not in urns:
            yield Violation(one.urn, "has no diagnostic setting: nobody sees afterwards what was done with it")


def _some_logs(one: View) -> Iterator[str]:
    if not any(entry.get("enabled", False) for entry in one.get("logs", ())):
        yield "has no category of logs that is on"


def _action(one: View) -> Iterator[str]:
    if one.get("enabled", True) is not True:
        yield "is off"
    where = "actions" if one.short_type == "monitor:MetricAlert" else "actions.actionGroups"
    if not one.get(where, ()):
        yield "tells nobody"


def _receivers(one: View) -> Iterator[str]:
    if one.get("enabled", True) is not True:
        yield "is off"
    kinds = ("emailReceivers", "webhookReceivers", "smsReceivers", "azureAppPushReceivers", "logicAppReceivers")
    if not any(one.get(kind) for kind in kinds):
        yield "has no receiver"


def _retention(one: View) -> Iterator[str]:
    if one.get("retentionInDays", 30) < PRODUCTION_DAYS:
        yield f"logs are kept {one.get('retentionInDays', 30)} days, not {PRODUCTION_DAYS}"


def _alerted(stack: Stack) -> Iterator[Violation]:
    """Jobs that fail in production are noticed."""
    metrics = {
        str(criterion.get("metricName"))
        for one in stack.of("monitor:MetricAlert")
        for criterion in one.get("criteria.allOf", ())
    }
    for one in stack.of("machinelearningservices:Workspace"):
        if "Failed Runs" not in metrics:
            yield Violation(one.urn, "no alert tells of jobs that fail")


DIAGNOSTICS = Rule(
    id="O-01",
    name="diagnostics",
    title="What is done with a service is written to Log Analytics",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=tuple(WRITES_DOWN),
    fix="Add it to the diagnostics in infra/diagnostics.py",
    sources=Sources(
        azure_policy=(
            "afe0c3be-ba3b-4544-ba52-0c99672a8ad6",
            "138ff14d-b687-4faa-a81c-898c91a87fa2",
            "383856f8-de7f-44a2-81fc-e5135b5c2aa4",
        ),
        benchmark=("LT-3",),
        checkov=("CKV_AZURE_4",),
        psrule=("AZR-000119", "AZR-000022", "AZR-000023", "AZR-000041"),
    ),
    stack_check=_unwatched,
)
LOGS_ON = Rule(
    id="O-04",
    name="diagnostics-on",
    title="A diagnostic setting writes logs",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=SETTING,
    fix="Leave a category of logs on in infra/diagnostics.py",
    sources=Sources(
        benchmark=("LT-3",), page="https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings"
    ),
    check=_some_logs,
)
LOGS_GO = Rule(
    id="O-05",
    name="diagnostics-go-to-logs",
    title="A diagnostic setting writes to Log Analytics",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=SETTING,
    fix="Pass the workspace of infra/monitoring.py",
    sources=Sources(
        benchmark=("LT-5",), page="https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings"
    ),
    check=must_have("workspaceId"),
)
WORKSPACE_BASED = Rule(
    id="O-02",
    name="insights-in-workspace",
    title="Application Insights keeps its data in the Log Analytics workspace",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("applicationinsights:Component",),
    fix="Leave workspace_resource_id in infra/monitoring.py",
    sources=Sources(azure_policy=("d550e854-df1a-4de9-bf44-cd894b39a95e",), psrule=("AZR-000069",)),
    check=must_have("workspaceResourceId"),
)
RETENTION = Rule(
    id="O-06",
    name="logs-kept",
    title="Logs of production are kept 90 days",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=("operationalinsights:Workspace",),
    fix="Write `retentionDays: 90` below mlops:monitoring",
    sources=Sources(
        benchmark=("LT-6",), page="https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure"
    ),
    check=_retention,
)
LOG_ACCESS = Rule(
    id="O-07",
    name="logs-by-resource",
    title="Who may read a resource may read its logs, and no others",
    severity=Severity.LOW,
    levels=ALWAYS,
    types=("operationalinsights:Workspace",),
    fix="Leave enable_log_access_using_only_resource_permissions=True in infra/monitoring.py",
    sources=Sources(benchmark=("PA-7",), page="https://learn.microsoft.com/azure/azure-monitor/logs/manage-access"),
    check=must_be("features.enableLogAccessUsingOnlyResourcePermissions", True, default=False),
)
ALERTS_TELL = Rule(
    id="O-08",
    name="alerts-tell-somebody",
    title="An alert is on and tells somebody",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=ALERTS,
    fix="Name people below mlops:operations: {alertEmails: […]}; infra/alerts.py passes the action group",
    sources=Sources(benchmark=("IR-2",), page="https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups"),
    check=_action,
)
RECEIVERS = Rule(
    id="O-09",
    name="action-group-has-receivers",
    title="An action group is on and has receivers",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("monitor:ActionGroup",),
    fix="Name people below mlops:operations: {alertEmails: […]}",
    sources=Sources(benchmark=("IR-2",), page="https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups"),
    check=_receivers,
)
JOBS_ALERT = Rule(
    id="O-10",
    name="failed-jobs-alert",
    title="Somebody is told of jobs that fail in production",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=("machinelearningservices:Workspace",),
    fix="Add `operations` to mlops:platform, with mlops:operations: {alertEmails: […]}",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/monitor-azure-machine-learning"),
    stack_check=_alerted,
)
