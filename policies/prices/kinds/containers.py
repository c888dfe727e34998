"""Container registries and their build machines, Kubernetes clusters and their nodes, scale sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.prices import meters
from policies.prices.machines import has_gpu, machine
from policies.prices.meters import HOURS, SECONDS
from policies.prices.pricing import (
    Amount,
    Item,
    Nothing,
    Plan,
    Pricer,
    Unpriced,
    Use,
    between,
    entries,
    machine_hours,
    number,
    text,
)
from policies.view import View

INCLUDED_GB = {"Basic": 10, "Standard": 100, "Premium": 500}
"""Storage in the price of a registry: https://learn.microsoft.com/azure/container-registry/container-registry-skus."""
AGENT_CORES = {"S1": 2, "S2": 4, "S3": 8, "I6": 64}
"""Cores of a build machine: https://learn.microsoft.com/azure/container-registry/tasks-agent-pools."""


def registry(one: View, plan: Plan) -> Iterator[Item]:
    """So much a day, and what is stored beyond what is included."""
    sku = text(one, "sku.name", "Basic")
    if sku not in meters.REGISTRY_UNITS:
        yield Unpriced(f"registry, {sku}", f"policies/prices/meters.py has no registry {sku}")
        return
    yield Use(f"registry, {sku}", meters.REGISTRY_UNITS[sku], Amount.of(HOURS), fixed=True)
    stored = plan.assume("registry.gigabytes", one).beyond(INCLUDED_GB[sku])
    yield Use(f"images beyond {INCLUDED_GB[sku]} GB", meters.REGISTRY_STORED[sku], stored)


def build_agents(one: View, plan: Plan) -> Iterator[Item]:
    """Paid by core and second as long as the pool has them, used or not."""
    count, tier = number(one, "count", 1), text(one, "tier", "S1")
    if not count:
        yield Nothing("the pool has no machine")
    elif tier not in AGENT_CORES:
        yield Unpriced(f"build machines, {tier}", f"policies/prices/kinds/containers.py does not know the tier {tier}")
    else:
        seconds = Amount.of(count * AGENT_CORES[tier] * SECONDS)
        note = "at the price of the registry's tasks; the price list has no other meter for it"
        yield Use(f"{count:g} build machine, {tier}", meters.REGISTRY_TASKS, seconds, fixed=True, note=note)


def cluster(one: View, plan: Plan) -> Iterator[Item]:
    """The API server by its tier, nodes of the pools in it, and the way out."""
    tier = text(one, "sku.tier", "Free")
    if tier == "Free":
        yield Nothing("the tier Free has no guarantee and no price", "API server")
    elif tier in meters.KUBERNETES_TIERS:
        yield Use(f"API server, {tier}", meters.KUBERNETES_TIERS[tier], Amount.of(HOURS), fixed=True)
    else:
        yield Unpriced(f"API server, {tier}", f"policies/prices/meters.py has no tier {tier}")
    for profile in entries(one, "agentPoolProfiles"):
        yield from _nodes(profile, one, plan, _watched(one))
    if text(one, "networkProfile.outboundType", "loadBalancer") == "loadBalancer":
        yield Use("load balancer", meters.BALANCER, Amount.of(HOURS), fixed=True)
        yield Use("data through the load balancer", meters.BALANCER_DATA, plan.assume("balancer.gigabytes", one))
        yield Use("public address of the load balancer", meters.ADDRESS, Amount.of(HOURS), fixed=True)


def pool(one: View, plan: Plan) -> Iterator[Item]:
    """Nodes of a pool."""
    owners = [
        found
        for found in plan.of("containerservice:ManagedCluster")
        if text(found, "resourceName") == text(one, "resourceName")
    ]
    yield from _nodes(one.inputs, one, plan, any(_watched(found) for found in owners))


def _watched(cluster: View) -> bool:
    return cluster.get("securityProfile.defender.securityMonitoring.enabled") is True


def _nodes(profile: Mapping[str, Any], one: View, plan: Plan, watched: bool) -> Iterator[Item]:
    """The least number of nodes all the time; up to the most as load asks for them."""
    size, name = str(profile.get("vmSize", "")), str(profile.get("name") or profile.get("agentPoolName") or "")
    least = float(profile.get("count") or 0)
    most = least
    if profile.get("enableAutoScaling"):
        least, most = float(profile.get("minCount") or 0), float(profile.get("maxCount") or 0)
    if least:
        yield machine_hours(f"nodes {name} that are always there", size, Amount.of(least * HOURS), fixed=True)
    share = plan.assume(f"kubernetes.{'gpu_' if has_gpu(size) else ''}share_of_scale", one)
    added = between(0, most - least, share)
    if most > least:
        yield machine_hours(f"nodes {name} that come and go", size, added * HOURS)
    if str(profile.get("osDiskType", "Managed")) != "Ephemeral":
        yield _disks(name, float(profile.get("osDiskSizeGB") or 128), least + added)
    if watched and (found := machine(size)):
        note = "if the subscription has the plan Defender for Containers"
        yield Use(f"Defender for nodes {name}", meters.DEFENDER, (least + added) * found.cores * HOURS, note=note)


def _disks(name: str, gigabytes: float, nodes: Amount) -> Item:
    fitting = [size for size in meters.DISKS if size >= gigabytes]
    if fitting:
        return Use(f"disks of nodes {name}, {fitting[0]} GB", meters.DISKS[fitting[0]], nodes)
    return Unpriced(f"disks of nodes {name}", f"policies/prices/meters.py has no disk of {gigabytes:g} GB")


def scale_set(one: View, plan: Plan) -> Iterator[Item]:
    """Machines that are there from the start, and those that a pool of pipelines starts."""
    size, count = text(one, "sku.name"), number(one, "sku.capacity")
    if count:
        yield machine_hours("machines that are always there", size, Amount.of(count * HOURS), fixed=True)
    yield machine_hours("machines that a pool starts", size, plan.assume("runner.hours", one))


PRICERS: dict[str, Pricer] = {
    "containerregistry:Registry": registry,
    "containerregistry:AgentPool": build_agents,
    "containerservice:ManagedCluster": cluster,
    "containerservice:AgentPool": pool,
    "compute:VirtualMachineScaleSet": scale_set,
}
