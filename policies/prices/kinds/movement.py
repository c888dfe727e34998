"""What moves data and messages: Data Factory, IoT Hub, Event Grid, Logic Apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.prices import meters
from policies.prices.meters import DAYS, HOURS
from policies.prices.pricing import Amount, Item, Nothing, Plan, Pricer, Unpriced, Use, entries, number, text
from policies.view import View

A_MONTH = {"minute": HOURS * 60, "hour": HOURS, "day": DAYS, "week": DAYS / 7, "month": 1.0}
"""How often something happens a month that happens once a unit."""
LEAST_CORES = 8
"""Of a data flow: https://learn.microsoft.com/azure/data-factory/pricing-concepts."""
MANAGED_NETWORK = "managedVirtualNetwork"
IDLE_ACTIONS = 2
"""Actions of a run that finds nothing: the trigger and the look."""


def factory(one: View, plan: Plan) -> Iterator[Item]:
    """What is read, written and watched in it; runs are the pipelines'."""
    asked = plan.assume("factory.operations", one)
    yield Use("entities read and written", meters.FACTORY_OPERATIONS, asked)
    yield Use("runs watched", meters.FACTORY_WATCHED, asked)


def pipeline(one: View, plan: Plan) -> Iterator[Item]:
    """Each of its activities, as often as a trigger of the plan starts it; a data flow by the cores it holds, from the
    start of its machines until they have been idle for as long as the runtime keeps them.
    """
    runs = _runs(one, plan)
    runtimes = {text(found, "integrationRuntimeName"): found for found in plan.of("datafactory:IntegrationRuntime")}
    activities = list(_activities(entries(one, "activities")))
    where = [_runtime(activity, runtimes) for activity in activities]
    inside = any(found is not None and found.has(f"properties.{MANAGED_NETWORK}") for found in where)
    yield Use("activities", meters.FACTORY_RUNS[inside], runs * len(activities))
    for activity, runtime in zip(activities, where, strict=True):
        if activity.get("type") == "ExecuteDataFlow":
            yield from _flow(str(activity["name"]), one, plan, runs, runtime)
        elif str(activity.get("type", "")).startswith("Databricks"):
            hours = runs * plan.assume("flows.minutes", one) * (1 / 60)
            yield Use(f"watching {activity['name']} run in Databricks", meters.FACTORY_EXTERNAL[inside], hours)
        elif activity.get("type") in ("Copy", "Lookup", "GetMetadata", "Delete", "Script"):
            hours = runs * plan.assume("flows.minutes", one) * (1 / 60)
            yield Use(f"activity {activity['name']}", meters.FACTORY_ACTIVITIES[inside], hours)


def _flow(name: str, one: View, plan: Plan, runs: Amount, runtime: View | None) -> Iterator[Item]:
    at = "properties.computeProperties.dataFlowProperties"
    kind = text(runtime, f"{at}.computeType", "General") if runtime else "General"
    cores = max(LEAST_CORES, number(runtime, f"{at}.coreCount", LEAST_CORES) if runtime else LEAST_CORES)
    kept = number(runtime, f"{at}.timeToLive") if runtime else 0.0
    hours = runs * (plan.assume("flows.minutes", one) + kept) * (cores / 60)
    if kind in meters.FLOW_CORES:
        yield Use(f"data flow {name}, {cores:g} cores, kept {kept:g} min", meters.FLOW_CORES[kind], hours)
    else:
        yield Unpriced(f"data flow {name}, {kind}", f"policies/prices/meters.py has no data flow {kind}")


def _activities(found: list[Any]) -> Iterator[Mapping[str, Any]]:
    """All of them, those inside of others too."""
    for activity in found:
        yield activity
        for part in ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities"):
            yield from _activities(list(activity.get(part) or ()))


def _runtime(activity: Mapping[str, Any], runtimes: Mapping[str, View]) -> View | None:
    reference = activity.get("integrationRuntime")
    return runtimes.get(str(reference["referenceName"])) if reference else None


def _runs(one: View, plan: Plan) -> Amount:
    """As often as a schedule starts it; as often as is assumed where none does."""
    name, total = text(one, "pipelineName"), 0.0
    for trigger in plan.of("datafactory:Trigger"):
        started = [found["pipelineReference"]["referenceName"] for found in entries(trigger, "properties.pipelines")]
        unit = text(trigger, "properties.recurrence.frequency").lower()
        if name in started and unit in A_MONTH:
            total += A_MONTH[unit] / max(1.0, number(trigger, "properties.recurrence.interval", 1))
    return Amount.of(total) if total else plan.assume("flows.runs", one)


def generic(one: View, plan: Plan) -> Iterator[Item]:
    """What the SDK has no class for: a data factory's own network."""
    if (kind := text(one, "resourceType")) == "managedVirtualNetworks":
        yield Nothing("Azure asks nothing for the network, but more for what runs in it")
    else:
        yield Unpriced("all of it", f"policies/prices/kinds/movement.py does not know {kind}")


def hub(one: View, plan: Plan) -> Iterator[Item]:
    """By unit and month, whatever is sent within its daily quota."""
    sku, units = text(one, "sku.name"), number(one, "sku.capacity", 1)
    if sku in meters.HUB_UNITS:
        yield Use(f"{units:g} unit, {sku}", meters.HUB_UNITS[sku], Amount.of(units), fixed=True)
    else:
        yield Unpriced(f"units, {sku}", f"policies/prices/meters.py has no unit {sku}")


def provisioning(one: View, plan: Plan) -> Iterator[Item]:
    """By its operations."""
    yield Use("operations", meters.PROVISIONING, plan.assume("devices.provisionings", one))


def topic(one: View, plan: Plan) -> Iterator[Item]:
    """An event is taken once and handed to each subscription once."""
    subscriptions = sum(1 for _ in plan.of("eventgrid:SystemTopicEventSubscription"))
    yield Use("events taken and handed on", meters.EVENTS, plan.assume("files.count", one) * (1 + subscriptions))


def workflow(one: View, plan: Plan) -> Iterator[Item]:
    """A look at each recurrence, and all of its actions for each file."""
    if text(one, "state", "Enabled") != "Enabled":
        yield Nothing("it is switched off")
        return
    looks = 0.0
    for trigger in entries(one, "definition.triggers"):
        recurrence = trigger.get("recurrence") or {}
        unit = str(recurrence.get("frequency", "")).lower()
        looks += A_MONTH.get(unit, 0.0) / max(1, recurrence.get("interval", 1))
    actions = sum(1 for _ in _actions(one.get("definition.actions") or {}))
    done = plan.assume("files.count", one) * actions
    yield Use("looks for new files", meters.LOGIC_BUILT_IN, Amount.of(looks * IDLE_ACTIONS), fixed=True)
    yield Use(f"{actions} actions for each file", meters.LOGIC_BUILT_IN, done)


def _actions(found: Mapping[str, Any]) -> Iterator[str]:
    for name, action in found.items():
        yield name
        yield from _actions(action.get("actions") or {})
        if other := action.get("else"):
            yield from _actions(other.get("actions") or {})


PRICERS: dict[str, Pricer] = {
    "datafactory:Factory": factory,
    "datafactory:Pipeline": pipeline,
    "resources:Resource": generic,
    "iothub:IotHubResource": hub,
    "deviceprovisioningservices:IotDpsResource": provisioning,
    "eventgrid:SystemTopic": topic,
    "logic:Workflow": workflow,
}
