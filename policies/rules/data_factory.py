"""Data Factory: how it signs in, where it runs, and what bounds its runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import ADVICE, ALWAYS, PRODUCTION, STRICTER, Rule, Severity, Sources, Stack, Violation, must_be
from policies.view import View

FACTORY = ("datafactory:Factory",)
LINK = ("datafactory:LinkedService",)
RUNTIME = ("datafactory:IntegrationRuntime",)
PIPELINE = ("datafactory:Pipeline",)
TRIGGER = ("datafactory:Trigger",)
FILE = "infra/data_factory.py"
SECRETS = (
    "accountKey",
    "accessToken",
    "connectionString",
    "encryptedCredential",
    "password",
    "sasUri",
    "servicePrincipalKey",
)
"""What a linked service may open its store with instead of an identity."""
MOST_CORES = 32
MOST_MINUTES = 60
MOST_HOURS = 24
LEAST_MINUTES = 15
DURATION = re.compile(r"(?:(\d+)\.)?(\d+):(\d+):(\d+)")


def _secrets(one: View) -> Iterator[str]:
    found: Mapping[str, Any] = one.get("properties", {})
    for key in SECRETS:
        if key in found and not (hasattr(found[key], "get") and found[key].get("type") == "AzureKeyVaultSecret"):
            yield f"opens its store with {key}"


def _identity(one: View) -> Iterator[str]:
    if one.get("properties.type") == "AzureKeyVault":
        return
    if not one.has("properties.credential"):
        yield "names no credential: it would act as the factory itself or with a key"


def _inside(one: View) -> Iterator[str]:
    if one.get("properties.type") == "Managed" and not one.has("properties.managedVirtualNetwork"):
        yield "data flows run outside of the factory's managed network"


def _cores(one: View) -> Iterator[str]:
    cores = one.get("properties.computeProperties.dataFlowProperties.coreCount", 0)
    if cores > MOST_CORES:
        yield f"a data flow takes {cores} cores, at most {MOST_CORES} are meant"
    minutes = one.get("properties.computeProperties.dataFlowProperties.timeToLive", 0)
    if minutes > MOST_MINUTES:
        yield f"its cluster waits {minutes} minutes for the next data flow, and is paid for"


def _hours(text: str) -> float:
    found = DURATION.fullmatch(text)
    if found is None:
        return float("inf")
    days, hours, minutes, _ = (int(part or 0) for part in found.groups())
    return days * 24 + hours + minutes / 60


def _activities(activities: Any) -> Iterator[Mapping[str, Any]]:
    for activity in activities or ():
        yield activity
        for key in ("activities", "ifTrueActivities", "ifFalseActivities"):
            yield from _activities(activity.get(key))


def _timeouts(one: View) -> Iterator[str]:
    for activity in _activities(one.get("activities")):
        if activity.get("type") in ("Fail", "IfCondition", "SetVariable", "ForEach", "Wait", "Until", "Switch"):
            continue
        timeout = (activity.get("policy") or {}).get("timeout")
        if timeout is None:
            yield f"activity {activity.get('name')} has no timeout: it may run for a week"
        elif _hours(str(timeout)) > MOST_HOURS:
            yield f"activity {activity.get('name')} may run for {timeout}, at most {MOST_HOURS} hours are meant"


def _often(one: View) -> Iterator[str]:
    recurrence: Mapping[str, Any] = one.get("properties.recurrence", {})
    if recurrence.get("frequency") == "Minute" and recurrence.get("interval", 1) < LEAST_MINUTES:
        yield f"starts a run every {recurrence.get('interval', 1)} minutes"


def _encrypted(one: View) -> Iterator[str]:
    if one.get("properties.type") == "AzureSqlDatabase" and one.get("properties.encrypt", "mandatory") == "optional":
        yield "properties.encrypt is optional: rows may cross the network in the clear"


def _bounded_cluster(one: View) -> Iterator[str]:
    """Whether a cluster is the job's own at all is asked by rule C-15."""
    own = one.get("properties.type") == "AzureDatabricks" and not one.has("properties.existingClusterId")
    if own and not one.has("properties.newClusterNumOfWorker"):
        yield "does not say how many nodes a run may take"


def _reaches(stack: Stack) -> Iterator[Violation]:
    """A factory whose stores are closed reaches them by private endpoints of its own network."""
    if stack.config.network_profile != "private":
        return
    reached = {str(one.get("factoryName")) for one in stack.of("datafactory:ManagedPrivateEndpoint")}
    for one in stack.of(*FACTORY):
        if str(one.get("factoryName")) not in reached:
            yield Violation(one.urn, "has no managed private endpoint: it reaches none of the stack's stores")


CLOSED = Rule(
    id="F-01",
    name="factory-closed",
    title="A factory has no public endpoint",
    severity=Severity.MEDIUM,
    levels=PRODUCTION,
    types=FACTORY,
    fix="mlops:networkProfile: private closes it",
    sources=Sources(
        azure_policy=("1cf164be-6819-4a50-b8fa-4bcaa4f98fb6",), benchmark=("NS-2",), checkov=("CKV_AZURE_104",)
    ),
    check=must_be("publicNetworkAccess", "Disabled", default="Enabled"),
)
IDENTITY = Rule(
    id="F-02",
    name="factory-own-identity",
    title="A factory acts under an identity that the stack has made",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=FACTORY,
    fix=f"Leave identity in {FILE}",
    sources=Sources(
        benchmark=("IM-3",), page="https://learn.microsoft.com/azure/data-factory/data-factory-service-identity"
    ),
    check=must_be("identity.type", "UserAssigned", "SystemAssigned,UserAssigned"),
)
LINK_NO_SECRET = Rule(
    id="F-03",
    name="factory-link-without-key",
    title="No linked service holds a key, password or connection string",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=LINK,
    fix=f"Name the factory's credential, as the others in {FILE} do",
    sources=Sources(azure_policy=("127ef6d7-242f-43b3-9eef-947faf1725d0",), benchmark=("IM-8",)),
    check=_secrets,
)
LINK_IDENTITY = Rule(
    id="F-04",
    name="factory-link-by-identity",
    title="A linked service names the identity that it acts under",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=LINK,
    fix=f"Leave credential in {FILE}",
    sources=Sources(azure_policy=("f78ccdb4-7bf4-4106-8647-270491d2978a",), benchmark=("IM-3",)),
    check=_identity,
)
RUNS_INSIDE = Rule(
    id="F-05",
    name="factory-runs-inside",
    title="Data flows run in the factory's managed network",
    severity=Severity.HIGH,
    levels=PRODUCTION,
    types=RUNTIME,
    fix="mlops:dataFactory: {managedNetwork: true} makes it, in infra/data_factory.py",
    sources=Sources(
        benchmark=("NS-2",),
        page="https://learn.microsoft.com/azure/data-factory/managed-virtual-network-private-endpoint",
    ),
    check=_inside,
)
CORES = Rule(
    id="F-06",
    name="factory-cores",
    title="A data flow takes no more machines than it needs, and does not keep them",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=RUNTIME,
    fix=f"Leave core_count and time_to_live as {FILE} has them",
    sources=Sources(azure_policy=("85bb39b5-2f66-49f8-9306-77da3ac5130f",)),
    check=_cores,
)
TIMEOUTS = Rule(
    id="F-07",
    name="pipeline-timeouts",
    title="Every activity of a pipeline ends some day",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=PIPELINE,
    fix="Give it policy.timeout in infra/data_flow.py",
    sources=Sources(
        page="https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-policy"
    ),
    check=_timeouts,
)
CONCURRENCY = Rule(
    id="F-08",
    name="pipeline-one-at-a-time",
    title="A pipeline says how many of its runs may go at once",
    severity=Severity.LOW,
    levels=ADVICE,
    types=PIPELINE,
    fix="Leave concurrency in infra/data_flow.py: two runs of one day would write the same folder",
    sources=Sources(page="https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities"),
    check=lambda one: [] if one.get("concurrency", 0) else ["concurrency is not set"],
)
NOT_TOO_OFTEN = Rule(
    id="F-09",
    name="pipeline-not-too-often",
    title="No trigger starts a pipeline more often than every quarter of an hour",
    severity=Severity.LOW,
    levels=STRICTER,
    types=TRIGGER,
    fix="Choose an hour with mlops:dataFactory: {hour: 3}; each run pays for a cluster of its own",
    sources=Sources(page="https://learn.microsoft.com/azure/data-factory/how-to-create-schedule-trigger"),
    check=_often,
)
ENCRYPTED = Rule(
    id="F-10",
    name="factory-sql-encrypted",
    title="Rows between factory and SQL are encrypted",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=LINK,
    fix=f'Leave encrypt="mandatory" in {FILE}',
    sources=Sources(
        benchmark=("DP-3",), page="https://learn.microsoft.com/azure/data-factory/connector-azure-sql-database"
    ),
    check=_encrypted,
)
JOB_CLUSTER = Rule(
    id="F-11",
    name="factory-bounded-cluster",
    title="A factory says how many nodes of Databricks a run may take",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=LINK,
    fix=f"Leave new_cluster_num_of_worker in {FILE}",
    sources=Sources(page="https://learn.microsoft.com/azure/data-factory/transform-data-databricks-notebook"),
    check=_bounded_cluster,
)
REACHES = Rule(
    id="F-12",
    name="factory-reaches-stores",
    title="A closed factory reaches its stores by private endpoints",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=FACTORY,
    fix=f"List the store among the managed private endpoints of {FILE}",
    sources=Sources(
        benchmark=("NS-2",),
        page="https://learn.microsoft.com/azure/data-factory/managed-virtual-network-private-endpoint",
    ),
    stack_check=_reaches,
)
