"""What a stack may cost: its sum against its budget, sizes and numbers of machines, and what runs idle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policies.configuration import Configuration
from policies.prices.estimate import Estimate
from policies.prices.estimator import estimate
from policies.prices.kinds.machine_learning import APPROVED_ONLY, minutes
from policies.prices.machines import MACHINES, has_gpu
from policies.prices.pricing import NO_SIZE
from policies.rule import (
    ADVICE,
    ADVISE,
    ALWAYS,
    BLOCK,
    OFF,
    STRICTER,
    Levels,
    Rule,
    Severity,
    Sources,
    Stack,
    Violation,
    listed,
    must_be,
)
from policies.view import View

STACK = "pulumi:pulumi:Stack"
COMPUTE = "machinelearningservices:Compute"
WITH_MACHINES = (
    COMPUTE,
    "compute:VirtualMachineScaleSet",
    "containerservice:AgentPool",
    "containerservice:ManagedCluster",
    "datafactory:LinkedService",
    "ml:Rollout",
)
SIZE_KEYS = (
    "mlops:compute.vmSize, mlops:gpu.vmSize, mlops:notebooks.vmSize, mlops:serving.instanceType or "
    "mlops:kubernetes.<pool>.vmSize"
)
MOST_IDLE_MINUTES = 15
MOST_NODES, MOST_INSTANCES, MOST_INSTANCES_IN_PRODUCTION = 10, 1, 5
DELTA_DOLLARS, DELTA_PERCENT = 250.0, 20.0
MOST_DAYS = 30
"""Days of logs outside production: the first 31 are in the price."""
LARGEST = 3
SEARCHING = ("automl", "sweep")
"""Trainers that try many models or settings."""


# What the whole stack costs.


def _estimate(stack: Stack) -> Estimate:
    return estimate([one.resource for one in stack.resources], config=stack.config)


def _dollars(amount: float) -> str:
    return f"{amount:,.0f} USD a month"


def _within_budget(stack: Stack) -> Iterator[Violation]:
    budget, limit = (float(stack.config.get(key) or 0) for key in ("operations.monthlyBudget", "cost.hardLimit"))
    if not budget and not limit:
        return
    found = _estimate(stack)
    rest = f"; {len(found.unknown)} things of unknown price come on top" if found.unknown else ""
    if budget and found.total.expected > budget:
        yield _too_much(found, "is expected to cost", found.total.expected, f"its budget of {_dollars(budget)}", rest)
    if limit and found.total.max > limit:
        yield _too_much(found, "may cost", found.total.max, f"its hard limit of {_dollars(limit)}", rest)


def _too_much(found: Estimate, verb: str, amount: float, than: str, rest: str) -> Violation:
    largest = listed(f"{urn.rsplit('::', 1)[-1]} {cost.monthly.expected:,.0f}" for urn, cost in found.top(LARGEST))
    return Violation("", f"the stack {verb} {_dollars(amount)}, more than {than}; most of it: {largest}{rest}")


def _within_delta(stack: Stack) -> Iterator[Violation]:
    before = stack.config.get("cost.baseline")
    if before is None:
        return
    more = _estimate(stack).total.expected - float(before)
    dollars = float(stack.config.get("cost.deltaDollars", DELTA_DOLLARS))
    percent = float(stack.config.get("cost.deltaPercent", DELTA_PERCENT))
    if more > dollars or (float(before) > 0 and 100 * more / float(before) > percent):
        share = f" ({100 * more / float(before):.0f} %)" if float(before) else ""
        yield Violation(
            "",
            f"what is expected rises by {_dollars(more)}{share}, from {_dollars(float(before))}; "
            f"{dollars:,.0f} USD and {percent:g} % are allowed",
        )


def with_baseline(config: Configuration, expected: float) -> Configuration:
    """A stack's configuration as the rule on changes reads it, with what the stack was expected to cost before."""
    values = {**config.values, "cost": {**(config.get("cost") or {}), "baseline": expected}}
    return Configuration(values, config.today)


def _has_budget(stack: Stack) -> Iterator[Violation]:
    told = [one for one in stack.of("consumption:Budget") if _tells(one)]
    if not told:
        yield Violation("", "no budget tells anybody when the money is nearly gone")


def _tells(one: View) -> bool:
    notifications: Mapping[str, Any] = one.get("notifications") or {}
    return any(entry.get("enabled") and entry.get("contactEmails") for entry in notifications.values())


def _priced(stack: Stack) -> Iterator[Violation]:
    """A size that may not be used is another rule's finding."""
    for line in _estimate(stack).unknown:
        if NO_SIZE in line.reason and line.reason.split(NO_SIZE)[0].lower() not in _own_sizes(stack.config):
            continue
        yield Violation(line.urn, f"what it costs is not known: {line.what}: {line.reason}")


# Sizes and numbers of machines.


def sizes(one: View) -> Iterator[tuple[str, str]]:
    """The sizes of virtual machines that a resource names, each with its path."""
    paths = {
        COMPUTE: ("properties.properties.vmSize",),
        "compute:VirtualMachineScaleSet": ("sku.name",),
        "containerservice:AgentPool": ("vmSize",),
        "datafactory:LinkedService": ("properties.newClusterNodeType",),
        "ml:Rollout": () if one.get("target") == "container_group" else ("instanceType",),
    }
    for path in paths.get(one.short_type, ()):
        if found := one.get(path):
            yield path, str(found)
    for number, pool in enumerate(_pools(one)):
        if one.short_type == "containerservice:ManagedCluster":
            yield f"agentPoolProfiles[{number}].vmSize", str(pool["vmSize"])


def _pools(one: View) -> list[Mapping[str, Any]]:
    if one.short_type == "containerservice:AgentPool":
        return [one.inputs]
    return list(one.get("agentPoolProfiles") or ()) if one.short_type == "containerservice:ManagedCluster" else []


def _own_sizes(config: Configuration) -> set[str]:
    return {str(size).lower() for size in config.get("cost.machineSizes") or ()}


def _allowed_size(one: View) -> Iterator[str]:
    for path, size in sizes(one):
        if size.lower() not in MACHINES and size.lower() not in _own_sizes(one.config):
            yield f"{path} is {size}, which is none of the sizes that may be used"


def _no_gpu(one: View) -> Iterator[str]:
    for path, size in sizes(one):
        if has_gpu(size):
            yield f"{path} is {size}, a machine with a graphics processor"


def _is_cluster(one: View) -> bool:
    return bool(one.get("properties.computeType") == "AmlCompute")


def _scale(one: View, key: str) -> Any:
    return one.get(f"properties.properties.scaleSettings.{key}")


def _scales_to_zero(one: View) -> Iterator[str]:
    if _is_cluster(one) and (least := _scale(one, "minNodeCount") or 0) > 0:
        yield f"minNodeCount is {least}: so many nodes are paid for while nothing runs"


def _few_nodes(one: View) -> Iterator[str]:
    allowed = int(one.config.get("cost.mostNodes", MOST_NODES))
    if _is_cluster(one) and (most := _scale(one, "maxNodeCount") or 0) > allowed:
        yield f"maxNodeCount is {most}, more than {allowed}"


def _scales_down_soon(one: View) -> Iterator[str]:
    if not _is_cluster(one):
        return
    idle = str(_scale(one, "nodeIdleTimeBeforeScaleDown") or "")
    if not idle or minutes(idle) > MOST_IDLE_MINUTES:
        yield f"nodeIdleTimeBeforeScaleDown is {idle or 'not set'}, more than {MOST_IDLE_MINUTES} minutes"


def _stops_when_idle(one: View) -> Iterator[str]:
    if one.get("properties.computeType") == "ComputeInstance" and not one.has(
        "properties.properties.idleTimeBeforeShutdown"
    ):
        yield "idleTimeBeforeShutdown is not set: the machine is paid for day and night"


def _dedicated(one: View) -> Iterable[str]:
    path = "properties.properties.vmPriority"
    return must_be(path, "Dedicated", default="Dedicated")(one) if _is_cluster(one) else ()


def _few_instances(one: View) -> Iterator[str]:
    default = MOST_INSTANCES_IN_PRODUCTION if one.config.is_production else MOST_INSTANCES
    allowed = int(one.config.get("cost.mostInstances") or default)
    if (instances := one.get("instances", 1)) > allowed:
        yield f"instances is {instances}, more than {allowed}"


def _pools_scale(one: View) -> Iterator[str]:
    allowed = int(one.config.get("cost.mostNodes", MOST_NODES))
    for pool in _pools(one):
        name = pool.get("name") or pool.get("agentPoolName")
        if pool.get("enableAutoScaling") is not True:
            yield f"pool {name} does not scale: enableAutoScaling is not true"
        elif (most := pool.get("maxCount") or 0) > allowed:
            yield f"pool {name} may have {most} nodes, more than {allowed}"


# What is dearer than it has to be.


def _registry_fits(one: View) -> Iterator[str]:
    closed = one.get("publicNetworkAccess") == "Disabled" or one.get("networkRuleSet.defaultAction") == "Deny"
    if one.get("sku.name") == "Premium" and not closed:
        yield "sku.name is Premium, which only a registry that is closed or copied to other regions needs"


def _logs_bounded(one: View) -> Iterator[str]:
    if not one.has("workspaceCapping.dailyQuotaGb") or (one.get("workspaceCapping.dailyQuotaGb") or -1) < 0:
        yield "workspaceCapping.dailyQuotaGb is not set: nothing bounds what a day of logs costs"
    days = one.get("retentionInDays", MOST_DAYS)
    if not one.config.is_production and days > MOST_DAYS:
        yield f"retentionInDays is {days}, more than {MOST_DAYS} outside production"


def _job_clusters(one: View) -> Iterator[str]:
    if one.get("properties.type") == "AzureDatabricks" and one.has("properties.existingClusterId"):
        yield "existingClusterId is set: work runs on an all-purpose cluster, whose DBU costs almost twice a job's"


def _firewall_known(one: View) -> Iterator[str]:
    network = one.get("managedNetwork") or {}
    rules = network.get("outboundRules") or {}
    hosts = [rule for rule in rules.values() if rule.get("type") == "FQDN"]
    if network.get("isolationMode") != APPROVED_ONLY or not hosts:
        return
    sku = network.get("firewallSku") or "Standard"
    if not one.config.is_production and sku != "Basic":
        yield f"firewallSku is {sku}, which costs three times Basic"
    if one.config.get("cost.firewallAcknowledged") is not True:
        yield f"{len(hosts)} approved hosts take a firewall ({sku}) that is paid for by the hour"


def _search_ends(one: View) -> Iterator[str]:
    options = one.get("plan.trainer.options") or {}
    if one.get("plan.trainer.kind") in SEARCHING and not (options.get("trials") or 0) > 0:
        yield f"trainer {one.get('plan.trainer.kind')} has no number of trials: only the job's time limit ends it"


WITHIN_BUDGET = Rule(
    id="C-01",
    name="monthly-budget",
    title="A stack is expected to cost no more than its budget, and at most no more than its hard limit",
    severity=Severity.HIGH,
    levels=STRICTER,
    types=(STACK,),
    fix="Raise mlops:operations.monthlyBudget or mlops:cost.hardLimit, or declare less (`make cost` says what)",
    sources=Sources(page="https://learn.microsoft.com/azure/well-architected/cost-optimization"),
    stack_check=_within_budget,
)
WITHIN_DELTA = Rule(
    id="C-02",
    name="budget-delta",
    title="A change raises what is expected by no more than a part of what the stack cost before",
    severity=Severity.MEDIUM,
    levels=ADVICE,
    types=(STACK,),
    fix="Raise mlops:cost.deltaDollars or mlops:cost.deltaPercent, or write the new sum as mlops:cost.baseline",
    sources=Sources(page="https://learn.microsoft.com/azure/well-architected/cost-optimization"),
    stack_check=_within_delta,
)
HAS_BUDGET = Rule(
    id="C-03",
    name="budget-resource",
    title="A budget on the resource group tells somebody before the money is gone",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=("consumption:Budget",),
    fix="Add operations to mlops:platform, and monthlyBudget, budgetStart and alertEmails below mlops:operations",
    sources=Sources(page="https://learn.microsoft.com/azure/cost-management-billing/costs/tutorial-acm-create-budgets"),
    stack_check=_has_budget,
)
ALLOWED_SIZE = Rule(
    id="C-04",
    name="vm-sku-allow-list",
    title="Machines are of a size that has a price and is on the list",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=WITH_MACHINES,
    fix=f"Choose a size of policies/prices/machines.py at {SIZE_KEYS}, or allow one at mlops:cost.machineSizes",
    sources=Sources(
        page="https://learn.microsoft.com/azure/virtual-machines/sizes/overview",
    ),
    check=_allowed_size,
)
NO_GPU = Rule(
    id="C-05",
    name="gpu-needs-approval",
    title="Machines with graphics processors have an exemption that says what for",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=WITH_MACHINES,
    fix="Write an exemption from gpu-needs-approval below mlops:policy.exemptions, or take gpu out of mlops:platform",
    sources=Sources(page="https://learn.microsoft.com/azure/virtual-machines/sizes/gpu-accelerated/nc-family"),
    check=_no_gpu,
)
SCALES_TO_ZERO = Rule(
    id="C-06",
    name="cluster-min-zero",
    title="A training cluster has no node while nothing runs",
    severity=Severity.MEDIUM,
    levels=Levels(dev=BLOCK, prod=ADVISE),
    types=(COMPUTE,),
    fix="Leave min_node_count=0 in infra/compute.py",
    sources=Sources(
        checkov=("CKV_AZURE_150",),
        page="https://learn.microsoft.com/azure/machine-learning/how-to-manage-optimize-cost",
    ),
    check=_scales_to_zero,
)
FEW_NODES = Rule(
    id="C-07",
    name="cluster-max-cap",
    title="A training cluster grows to no more nodes than the stack allows",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=(COMPUTE,),
    fix="Lower mlops:compute.maxNodes or mlops:gpu.maxNodes, or raise mlops:cost.mostNodes",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-manage-optimize-cost"),
    check=_few_nodes,
)
SCALES_DOWN_SOON = Rule(
    id="C-08",
    name="idle-scale-down",
    title=f"An idle node is given back within {MOST_IDLE_MINUTES} minutes",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=(COMPUTE,),
    fix=f"Set mlops:compute.idleMinutes and mlops:gpu.idleMinutes to {MOST_IDLE_MINUTES} or less",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-manage-optimize-cost"),
    check=_scales_down_soon,
)
STOPS_WHEN_IDLE = Rule(
    id="C-09",
    name="ci-idle-shutdown",
    title="A notebook instance stops when nobody works on it",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=(COMPUTE,),
    fix="Set mlops:notebooks.idleMinutes",
    sources=Sources(azure_policy=("679ddf89-ab8f-48a5-9029-e76054077449",), psrule=("AZR-000403",)),
    check=_stops_when_idle,
)
DEDICATED = Rule(
    id="C-10",
    name="no-low-priority",
    title="Training nodes are dedicated: low-priority ones ended on 2026-03-31",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=(COMPUTE,),
    fix="Write priority: Dedicated below mlops:compute and mlops:gpu, or leave the key out",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-manage-optimize-cost"),
    check=_dedicated,
)
FEW_INSTANCES = Rule(
    id="C-11",
    name="endpoint-instance-cap",
    title="A system serves from no more instances than the stack allows: one outside production",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("ml:Rollout",),
    fix="Lower mlops:serving.instances, or raise mlops:cost.mostInstances",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-view-online-endpoints-costs"),
    check=_few_instances,
)
POOLS_SCALE = Rule(
    id="C-12",
    name="aks-autoscale",
    title="Pools of a Kubernetes cluster grow and shrink, within what the stack allows",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=("containerservice:ManagedCluster", "containerservice:AgentPool"),
    fix="Leave enable_auto_scaling=True in infra/kubernetes.py; lower mlops:kubernetes.<pool>.maxNodes or raise "
    "mlops:cost.mostNodes",
    sources=Sources(psrule=("AZR-000019", "AZR-000024")),
    check=_pools_scale,
)
REGISTRY_FITS = Rule(
    id="C-13",
    name="acr-sku-by-env",
    title="Outside production a registry is Premium only where its network is closed",
    severity=Severity.LOW,
    levels=Levels(dev=ADVISE, prod=OFF),
    types=("containerregistry:Registry",),
    fix="Leave the SKU to infra/registry.py, which takes Premium where mlops:networkProfile closes the registry",
    sources=Sources(psrule=("AZR-000006",)),
    check=_registry_fits,
)
LOGS_BOUNDED = Rule(
    id="C-14",
    name="log-retention-cap",
    title="A day of logs is bounded, and outside production they are kept for 30 days at most",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=("operationalinsights:Workspace",),
    fix="Set mlops:monitoring.dailyQuotaGb and mlops:monitoring.retentionDays",
    sources=Sources(page="https://learn.microsoft.com/azure/azure-monitor/logs/daily-cap"),
    check=_logs_bounded,
)
JOB_CLUSTERS = Rule(
    id="C-15",
    name="databricks-job-clusters",
    title="Pipelines start a Databricks cluster for each job, which ends with it",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("datafactory:LinkedService",),
    fix="Leave new_cluster_version in infra/data_factory.py, in place of existing_cluster_id",
    sources=Sources(page="https://learn.microsoft.com/azure/databricks/lakehouse-architecture/cost-optimization"),
    check=_job_clusters,
)
DATABRICKS_TIER = Rule(
    id="C-16",
    name="databricks-sku",
    title="Databricks is of the tier premium, and no trial",
    severity=Severity.LOW,
    levels=STRICTER,
    types=("databricks:Workspace",),
    fix='Leave sku name="premium" in infra/databricks.py',
    sources=Sources(azure_policy=("2cc2c3b5-c2f8-45aa-a9e6-f90d85ae8352",), psrule=("AZR-000409",)),
    check=must_be("sku.name", "premium", default="standard"),
)
FIREWALL_KNOWN = Rule(
    id="C-17",
    name="managed-network-firewall",
    title="Approved hosts take a firewall by the hour: that is known, and outside production it is Basic",
    severity=Severity.MEDIUM,
    levels=ADVICE,
    types=("machinelearningservices:Workspace",),
    fix="Write firewallAcknowledged: true below mlops:cost, or leave the profile private of mlops:networkProfile",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-managed-network"),
    check=_firewall_known,
)
SEARCH_ENDS = Rule(
    id="C-18",
    name="search-limits",
    title="A search for the best model or settings ends after so many trials",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=("ml:TrainingJob",),
    fix="Give the trainer its trials in ml/systems/<system>/system.py, besides mlops:compute.jobMinutes",
    sources=Sources(page="https://learn.microsoft.com/azure/machine-learning/how-to-manage-optimize-cost"),
    check=_search_ends,
)
PRICED = Rule(
    id="C-19",
    name="price-known",
    title="What costs something has a price",
    severity=Severity.LOW,
    levels=ADVICE,
    types=("*",),
    fix="Run `make prices`; a type or a size that is new needs a line in policies/prices/ (docs/cost.md)",
    sources=Sources(page="https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices"),
    stack_check=_priced,
)
