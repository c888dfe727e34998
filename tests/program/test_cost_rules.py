"""The rules about cost, on the program's own production stack: as it is none finds anything, and one property that
changes is found by one rule.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from policies.configuration import Configuration
from policies.judgement import Finding, judge
from policies.prices.estimator import estimate
from policies.resource import UNKNOWN, Resource
from policies.rule import Level, Rule
from policies.rules import cost
from policies.rules.cost import with_baseline
from tests.program.azure.exports import plan_of
from tests.program.azure.stacks import CONFIGURATIONS, PRODUCTION, declared

RULES = [value for value in vars(cost).values() if isinstance(value, Rule)]
TODAY = dt.date(2026, 11, 30)
GPU = {
    "rule": "gpu-needs-approval",
    "resource": "gpu-compute-gpu",
    "reason": "trains networks",
    "expires": "2027-06-30",
}


@cache
def plan(name: str) -> tuple[Resource, ...]:
    return tuple(plan_of(declared(name)))


def config(name: str = "prod-private", **values: Any) -> Configuration:
    return Configuration({**CONFIGURATIONS[name], **values}, TODAY)


def found(resources: list[Resource] | tuple[Resource, ...], settings: Configuration | None = None) -> list[Finding]:
    """What is wrong and not let through."""
    return [one for one in judge(RULES, resources, settings or config()) if one.exemption is None]


def changed(name: str, at: str, value: Any, of: str = "prod-private") -> list[Resource]:
    """The stack with one property of one resource changed; None takes it out."""
    resources = []
    for one in plan(of):
        if one.name == name and not one.type.startswith("mlops:"):
            inputs = copy.deepcopy(dict(one.inputs))
            *above, last = at.split(".")
            holder: Any = inputs
            for step in above:
                holder = holder[int(step)] if step.isdigit() else holder[step]
            if value is None:
                del holder[last]
            else:
                holder[last] = value
            one = Resource(one.urn, one.type, inputs, one.parent, one.depends_on, one.protect)
        resources.append(one)
    assert resources != list(plan(of)), "nothing was changed"
    return resources


@pytest.mark.parametrize("name", ["prod-private", "prod-hybrid", "dev-open", "dev-private"])
def test_a_stack_as_it_is_breaks_no_rule(name: str) -> None:
    assert [(one.rule.id, one.resource, one.message) for one in found(plan(name), config(name))] == []


INNER = "properties.properties"
CHANGES: dict[str, tuple[str, str, Any]] = {
    "C-04": ("compute-cpu", f"{INNER}.vmSize", "Standard_M416ms_v2"),
    "C-05": ("compute-cpu", f"{INNER}.vmSize", "Standard_NC24ads_A100_v4"),
    "C-06": ("compute-cpu", f"{INNER}.scaleSettings.minNodeCount", 1),
    "C-07": ("compute-cpu", f"{INNER}.scaleSettings.maxNodeCount", 11),
    "C-08": ("compute-cpu", f"{INNER}.scaleSettings.nodeIdleTimeBeforeScaleDown", "PT1H"),
    "C-09": ("notebooks", f"{INNER}.idleTimeBeforeShutdown", None),
    "C-10": ("compute-cpu", f"{INNER}.vmPriority", "LowPriority"),
    "C-11": ("bike_buyer-rollout", "instances", 6),
    "C-12": ("kubernetes-user", "enableAutoScaling", False),
    "C-14": ("monitoring-logs", "workspaceCapping", None),
    "C-15": ("data-factory-databricks-link", "properties.existingClusterId", "0923-164208-meows279"),
    "C-18": ("bike_buyer-training", "plan.trainer", {"kind": "automl", "options": {"seed": 0}}),
}
"""By the one rule that it breaks: a resource, where, and what is there instead."""
STACKS = {"C-18": "dev-private"}
"""By rule: a stack that has what it is about, where prod has not; it promotes, and trains nothing."""


def broken(rule: str, value: Any) -> list[Resource]:
    """The rule's stack with its property changed."""
    name, at, _ = CHANGES[rule]
    return changed(name, at, value, STACKS.get(rule, "prod-private"))


@pytest.mark.parametrize("rule", CHANGES)
def test_one_property_that_changes_is_found_by_one_rule_and_says_what_to_write(rule: str) -> None:
    name, _, value = CHANGES[rule]
    settings = config(STACKS.get(rule, "prod-private"), operations={"monthlyBudget": 20_000})

    (one,) = found(broken(rule, value), settings)

    assert (one.rule.id, one.urn.rsplit("::", 1)[-1], one.deferred) == (rule, name, False)
    assert "mlops:" in one.rule.fix or "infra/" in one.rule.fix


UNKNOWNS = {rule: at for rule, (_, at, value) in CHANGES.items() if value is not None and rule != "C-15"}


@pytest.mark.parametrize("rule", UNKNOWNS)
def test_what_is_not_known_yet_is_checked_at_the_update(rule: str) -> None:
    deferred = [one for one in found(broken(rule, UNKNOWN)) if one.deferred]

    assert rule in {one.rule.id for one in deferred}
    assert not any(one.blocks for one in deferred)


Arrange = Callable[[], tuple[list[Resource] | tuple[Resource, ...], Configuration]]
STACK_CASES: dict[str, tuple[str, Arrange]] = {
    "over the budget": ("C-01", lambda: (plan("prod-private"), config(operations={"monthlyBudget": 3000}))),
    "over the hard limit": (
        "C-01",
        lambda: (plan("prod-private"), config(cost={"hardLimit": 4000, "firewallAcknowledged": True})),
    ),
    "risen too far": ("C-02", lambda: (plan("prod-private"), with_baseline(config(), 3000))),
    "no budget": (
        "C-03",
        lambda: ([one for one in plan("prod-private") if one.kind != "Budget"], config()),
    ),
    "a trial": ("C-16", lambda: (changed("databricks", "sku.name", "trial"), config(policy=allowing("price-known")))),
    "a firewall nobody knows of": ("C-17", lambda: (plan("prod-private"), config(cost={}))),
    "something new": (
        "C-19",
        lambda: ([*plan("prod-private"), Resource("urn::cache", "azure-native:cache:Redis", {})], config()),
    ),
}


def allowing(*names: str) -> dict[str, Any]:
    """Exemptions from rules on every resource, besides that of the GPU cluster."""
    other = [{"rule": name, "resource": "*", "reason": "a test", "expires": "2027-06-30"} for name in names]
    return {"exemptions": [*PRODUCTION["policy"]["exemptions"], *other]}


@pytest.mark.parametrize("case", STACK_CASES)
def test_what_is_wrong_with_a_whole_stack_is_found_by_one_rule(case: str) -> None:
    rule, arrange = STACK_CASES[case]

    assert [one.rule.id for one in found(*arrange())] == [rule]


def test_development_has_rules_of_its_own() -> None:
    premium = changed("registry", "sku.name", "Premium", of="dev-open")
    long = changed("monitoring-logs", "retentionInDays", 90, of="dev-open")
    second = changed("bike_buyer-rollout", "instances", 2, of="dev-open")

    for wanted, resources in {"C-13": premium, "C-14": long, "C-11": second}.items():
        assert [one.rule.id for one in found(resources, config("dev-open", operations={"monthlyBudget": 9999}))] == [
            wanted
        ]
    firewall = changed("workspace", "managedNetwork.firewallSku", "Standard", of="dev-private")
    roomy = config("dev-private", operations={"monthlyBudget": 9999})
    assert [one.message for one in found(firewall, roomy)] == ["firewallSku is Standard, which costs three times Basic"]


def test_a_budget_that_is_broken_says_by_how_much_and_what_costs_most() -> None:
    (one,) = found(plan("prod-private"), config(operations={"monthlyBudget": 3000}))

    assert one.message.startswith(
        "the stack is expected to cost 3,667 USD a month, more than its budget of 3,000 USD a month"
    )
    assert "workspace 972, kubernetes 751 and build-agents 525" in one.message
    assert one.level is Level.MANDATORY
    assert one.blocks


def test_a_rise_within_what_is_allowed_is_none() -> None:
    expected = estimate(list(plan("prod-private")), config=config()).total.expected

    assert found(plan("prod-private"), with_baseline(config(), expected - 100)) == []
    (one,) = found(plan("prod-private"), with_baseline(config(), expected - 300))
    assert "rises by 300 USD a month" in one.message


def test_a_size_and_a_number_that_a_stack_allows_are_no_finding() -> None:
    allowed = {"machineSizes": ["standard_m416ms_v2"], "mostNodes": 20, "firewallAcknowledged": True}
    big = changed("compute-cpu", f"{INNER}.vmSize", "Standard_M416ms_v2")

    assert {one.rule.id for one in found(big, config(cost=allowed))} == {"C-19"}, "it still has no price"
    assert found(changed("compute-cpu", f"{INNER}.scaleSettings.maxNodeCount", 20), config(cost=allowed)) == []


def test_a_gpu_without_an_exemption_stops_the_update() -> None:
    (one,) = found(plan("prod-private"), config(policy={}))

    assert (one.rule.id, one.resource, one.blocks) == ("C-05", "gpu-compute-gpu", True)


def test_all_rules_of_the_table_are_there_and_each_is_tried() -> None:
    assert [rule.id for rule in RULES] == [f"C-{number:02}" for number in range(1, 20)]
    tried = {*CHANGES, *(rule for rule, _ in STACK_CASES.values()), "C-13"}
    assert tried == {rule.id for rule in RULES}
