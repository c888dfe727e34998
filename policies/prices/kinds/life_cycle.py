"""Our own resources: jobs from their limits, images, and what serves."""

from __future__ import annotations

from collections.abc import Iterator

from policies.prices import meters
from policies.prices.kinds.machine_learning import minutes, on_cluster
from policies.prices.meters import HOURS
from policies.prices.pricing import Amount, Item, Nothing, Plan, Pricer, Use, machine_hours, number, text
from policies.view import View

BUILD_CORES = 2
"""Cores of the machine on which a registry builds: https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview."""
GROUP_CORES, GROUP_GB = 1.0, 1.5
"""What a container group has where the plan does not say it: the defaults of `mlops:serving`."""


def training(one: View, plan: Plan) -> Iterator[Item]:
    """Its runs of a month, each with as much of its limit as is assumed, and the idle time of the node afterwards. One
    that tries several settings does so within the same limit.
    """
    yield from _job(one, plan, plan.assume("training.share_of_limit", one), "training")


def gate(one: View, plan: Plan) -> Iterator[Item]:
    """An evaluation for each training job."""
    yield from _job(one, plan, plan.assume("gate.share_of_limit", one), "evaluation")


def _job(one: View, plan: Plan, share: Amount, what: str) -> Iterator[Item]:
    cluster = text(one, "compute")
    idle = next(
        (_idle(found) for found in plan.of("machinelearningservices:Compute") if text(found, "computeName") == cluster),
        0.0,
    )
    limit = number(one, "timeoutMinutes")
    runs = plan.assume("training.runs", one)
    yield from on_cluster(
        f"{what}, at most {limit:g} min a run", runs * (share * limit + idle) * (1 / 60), cluster, plan
    )


def _idle(cluster: View) -> float:
    return minutes(text(cluster, "properties.properties.scaleSettings.nodeIdleTimeBeforeScaleDown"))


def image(one: View, plan: Plan) -> Iterator[Item]:
    """Builds in the registry; on machines of its own they are paid for there."""
    if one.has("registry.agentPool"):
        yield Nothing("it is built on the registry's own machines, which are paid for all the time", "builds")
        return
    limit = number(one, "timeoutMinutes") * 60
    seconds = plan.assume("builds.count", one) * plan.assume("builds.share_of_limit", one) * limit * BUILD_CORES
    yield Use("builds in the registry", meters.REGISTRY_TASKS, seconds)


def rollout(one: View, plan: Plan) -> Iterator[Item]:
    """What serves all the time, a second deployment while a new image takes over, and the group that tries it first."""
    instances = number(one, "instances", 1)
    rollouts = plan.assume("rollout.count", one)
    stages = len(one.get("stages") or ()) + 1
    watched = rollouts * (stages * number(one, "stageSeconds") / 3600) * instances
    if text(one, "target") == "container_group":
        yield from group("container group that serves", one, Amount.of(instances * HOURS), fixed=True)
        yield from group("second group while an image takes over", one, watched)
    else:
        size = text(one, "instanceType")
        yield machine_hours("instances that serve", size, Amount.of(instances * HOURS), fixed=True)
        yield machine_hours("second deployment while an image takes over", size, watched)
    yield from group("group that tries an image", one, rollouts * plan.assume("rollout.trial_minutes", one) * (1 / 60))


def group(what: str, one: View, hours: Amount, *, fixed: bool = False) -> Iterator[Item]:
    """Cores and memory of container groups."""
    cores, gigabytes = number(one, "staging.cpu", GROUP_CORES), number(one, "staging.memoryGb", GROUP_GB)
    yield Use(f"{what}, cores", meters.CONTAINER_CORES, hours * cores, fixed)
    yield Use(f"{what}, memory", meters.CONTAINER_MEMORY, hours * gigabytes, fixed)


PRICERS: dict[str, Pricer] = {
    "ml:TrainingJob": training,
    "ml:QualityGate": gate,
    "ml:ContainerImage": image,
    "ml:Rollout": rollout,
}
