"""Azure Machine Learning: the workspace's network, clusters, notebook instances, registries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil

from policies.prices import meters
from policies.prices.estimate import Range
from policies.prices.machines import has_gpu
from policies.prices.meters import HOURS
from policies.prices.pricing import (
    Amount,
    Item,
    Nothing,
    Plan,
    Pricer,
    Unpriced,
    Use,
    entries,
    machine_hours,
    number,
    text,
)
from policies.view import View

APPROVED_ONLY = "AllowOnlyApprovedOutbound"
FIREWALL = "Standard"
"""The SKU that Azure ML takes where the workspace names none:
https://learn.microsoft.com/azure/machine-learning/how-to-managed-network.
"""
DISK_GB = 128
"""A notebook instance's disk has 120 GB and is paid as a P10, also while the instance is stopped; every 50 nodes of a
cluster have a load balancer: https://learn.microsoft.com/azure/machine-learning/concept-plan-manage-cost.
"""
NODES_OF_A_BALANCER = 50
DURATION = re.compile(r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?")


def minutes(duration: str) -> float:
    """An ISO 8601 duration such as `PT5M` in minutes; 0 where it is none."""
    found = DURATION.fullmatch(duration)
    parts = {name: int(value or 0) for name, value in found.groupdict().items()} if found else {}
    return sum(
        parts.get(name, 0) * size for name, size in {"days": 1440, "hours": 60, "minutes": 1, "seconds": 1 / 60}.items()
    )


def workspace(one: View, plan: Plan) -> Iterator[Item]:
    """The workspace is free; what its managed network is made of is not."""
    yield Nothing("Azure ML asks nothing for a workspace beyond what it uses", "the workspace")
    rules = entries(one, "managedNetwork.outboundRules")
    endpoints = [rule for rule in rules if rule.get("type") == "PrivateEndpoint"]
    if endpoints:
        yield from private_links("private endpoints of the managed network", one, plan, len(endpoints))
    if text(one, "managedNetwork.isolationMode") == APPROVED_ONLY and any(rule.get("type") == "FQDN" for rule in rules):
        yield from _firewall(one, plan)


def _firewall(one: View, plan: Plan) -> Iterator[Item]:
    """Approved hosts are let through by a firewall, which Azure ML makes with the first of them."""
    sku = text(one, "managedNetwork.firewallSku", FIREWALL)
    if sku not in meters.FIREWALLS:
        yield Unpriced(f"firewall of the managed network, {sku}", f"policies/prices/meters.py has no firewall {sku}")
        return
    yield Use(f"firewall of the managed network, {sku}", meters.FIREWALLS[sku], Amount.of(HOURS), fixed=True)
    yield Use("data through the firewall", meters.FIREWALL_DATA[sku], plan.assume("firewall.gigabytes", one))


def private_links(what: str, one: View, plan: Plan, count: int = 1) -> Iterator[Item]:
    """Private endpoints, and half of what goes through them each way."""
    yield Use(f"{count} {what}" if count > 1 else what, meters.ENDPOINT, Amount.of(count * HOURS), fixed=True)
    each_way = plan.assume("endpoints.gigabytes", one) * (count / 2)
    yield Use("data into it" if count == 1 else "data into them", meters.ENDPOINT_IN, each_way)
    yield Use("data out of it" if count == 1 else "data out of them", meters.ENDPOINT_OUT, each_way)


def compute(one: View, plan: Plan) -> Iterator[Item]:
    """A cluster or a notebook instance."""
    kind = text(one, "properties.computeType")
    if kind == "AmlCompute":
        yield from _cluster(one, plan)
    elif kind == "ComputeInstance":
        yield from _notebook(one, plan)
    else:
        yield Unpriced(f"compute of type {kind}", f"policies/prices/kinds/machine_learning.py does not know {kind}")


def _cluster(one: View, plan: Plan) -> Iterator[Item]:
    size = text(one, "properties.properties.vmSize")
    least = number(one, "properties.properties.scaleSettings.minNodeCount")
    most = number(one, "properties.properties.scaleSettings.maxNodeCount", least)
    if least:
        yield machine_hours("nodes that are always there", size, Amount.of(least * HOURS), fixed=True)
    extra = plan.assume("gpu.node_hours" if has_gpu(size) else "cluster.node_hours", one)
    yield machine_hours("nodes for what nobody declared", size, extra.at_most((most - least) * HOURS))
    balancers = ceil(most / NODES_OF_A_BALANCER)
    hours = Amount(Range(HOURS if least else 0.0, balancers * HOURS, balancers * HOURS))
    note = "" if least else "whether one is paid for while there is no node is not said: it is in expected, not in low"
    yield Use("load balancer", meters.COMPUTE_BALANCER, hours, fixed=True, note=note)


def _notebook(one: View, plan: Plan) -> Iterator[Item]:
    """Hours of work, and each day the idle time after which it stops; without such a time it runs all day."""
    size = text(one, "properties.properties.vmSize")
    idle = minutes(text(one, "properties.properties.idleTimeBeforeShutdown"))
    if idle:
        hours = plan.assume("notebook.days", one) * (plan.assume("notebook.hours", one) + idle / 60)
        yield machine_hours("hours of work, and idle until it stops", size, hours.at_most(HOURS))
    else:
        yield machine_hours("it never stops by itself", size, Amount.of(HOURS), fixed=True)
    yield Use("disk, also while it is stopped", meters.DISKS[DISK_GB], Amount.of(1), fixed=True)
    yield Use("load balancer", meters.COMPUTE_BALANCER, Amount.of(HOURS), fixed=True)


def registry(one: View, plan: Plan) -> Iterator[Item]:
    """A container registry and a storage account in each of its regions."""
    gigabytes = plan.assume("model_registry.gigabytes", one)
    for region in entries(one, "regionDetails"):
        where = str(region["location"])
        for account in region.get("acrDetails") or ():
            sku = str(account["systemCreatedAcrAccount"]["acrAccountSku"])
            yield Use(f"container registry in {where}, {sku}", meters.REGISTRY_UNITS[sku], Amount.of(HOURS), fixed=True)
        for storage in region.get("storageAccountDetails") or ():
            found = storage["systemCreatedStorageAccount"]
            copies = str(found["storageAccountType"]).removeprefix("Standard_")
            key = (copies, bool(found.get("storageAccountHnsEnabled")))
            if key in meters.STORED:
                yield Use(f"storage in {where}", meters.STORED[key], gigabytes)
            else:
                yield Unpriced(f"storage in {where}", f"policies/prices/meters.py has no storage {copies}")


def batch_endpoint(one: View, plan: Plan) -> Iterator[Item]:
    """The endpoint is free; its jobs run on the stack's cluster."""
    hours = plan.assume("batch.runs", one) * plan.assume("batch.minutes", one) * (1 / 60)
    yield from on_cluster("nodes for its jobs", hours, "", plan)


def on_cluster(what: str, hours: Amount, name: str, plan: Plan) -> Iterator[Item]:
    """Hours of a node of the cluster of this name; where none is named, of the one with CPUs."""
    clusters = [
        one for one in plan.of("machinelearningservices:Compute") if text(one, "properties.computeType") == "AmlCompute"
    ]
    named = [one for one in clusters if text(one, "computeName") == name]
    cpu = [one for one in clusters if not has_gpu(text(one, "properties.properties.vmSize"))]
    found = named or ([] if name else cpu or clusters)
    if found:
        yield machine_hours(what, text(found[0], "properties.properties.vmSize"), hours)
    else:
        yield Unpriced(what, f"the plan has no cluster {name or 'of CPUs'}")


PRICERS: dict[str, Pricer] = {
    "machinelearningservices:Workspace": workspace,
    "machinelearningservices:Compute": compute,
    "machinelearningservices:Registry": registry,
    "machinelearningservices:BatchEndpoint": batch_endpoint,
}
