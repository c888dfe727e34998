"""What plans cost: figures worked out by hand, figures that others publish, and what holds for every plan."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from policies.configuration import Configuration
from policies.prices.estimate import NOTHING, Basis, Estimate
from policies.prices.estimator import estimate
from policies.prices.sheet import Sheet
from policies.prices.usage import Usage
from policies.resource import UNKNOWN, Resource

ML = "azure-native:machinelearningservices:"
DAY = date(2026, 8, 30)
SHEET = Sheet.read()
GROUP = ("azure-native:resources:ResourceGroup", {"location": "West Europe"})


def resource(type_: str, inputs: dict[str, Any], name: str = "one") -> Resource:
    return Resource(urn=f"urn:pulumi:dev::mlops::{type_}::{name}", type=type_, inputs=inputs)


def priced(*given: tuple[str, dict[str, Any]], usage: dict[str, Any] | None = None, today: date = DAY) -> Estimate:
    """A plan in western Europe from which nothing leaves Azure."""
    plan = [resource(*one, name=f"n{number}") for number, one in enumerate([GROUP, *given])]
    assumed = Usage.read({"egress.gigabytes": 0, **(usage or {})})
    return estimate(plan, assumed, SHEET, config=Configuration({}, today))


def cluster(most: int, least: int = 0, size: str = "Standard_DS3_v2") -> tuple[str, dict[str, Any]]:
    scale = {"minNodeCount": least, "maxNodeCount": most, "nodeIdleTimeBeforeScaleDown": "PT5M"}
    inner = {"vmSize": size, "scaleSettings": scale}
    return f"{ML}Compute", {"computeName": "cpu", "properties": {"computeType": "AmlCompute", "properties": inner}}


def kubernetes(tier: str, **pool: Any) -> tuple[str, dict[str, Any]]:
    profile = {"name": "system", "vmSize": "Standard_D4ds_v5", "osDiskType": "Ephemeral", "count": 1, **pool}
    outbound = {"outboundType": "userAssignedNATGateway"}
    inputs = {"sku": {"tier": tier}, "agentPoolProfiles": [profile], "networkProfile": outbound}
    return "azure-native:containerservice:ManagedCluster", inputs


REGISTRY = ("azure-native:containerregistry:Registry", {"sku": {"name": "Premium"}})
BASIC_REGISTRY = ("azure-native:containerregistry:Registry", {"sku": {"name": "Basic"}})
HUB = ("azure-native:iothub:IotHubResource", {"sku": {"name": "S1", "capacity": 1}})
ENDPOINT: tuple[str, dict[str, Any]] = ("azure-native:network:PrivateEndpoint", {})
LOGS = ("azure-native:operationalinsights:Workspace", {"retentionInDays": 30})
ROLLOUT = (
    "pulumi-python:dynamic/ml:Rollout",
    {"instances": 2, "instanceType": "Standard_DS2_v2", "stages": [10, 50], "stageSeconds": 600, "staging": {}},
)
JOB = ("pulumi-python:dynamic/ml:TrainingJob", {"compute": "cpu", "timeoutMinutes": 60})


def workspace(*rules: dict[str, str], isolation: str = "AllowOnlyApprovedOutbound", **more: Any) -> tuple[str, Any]:
    outbound = {str(number): rule for number, rule in enumerate(rules)}
    return f"{ML}Workspace", {"managedNetwork": {"isolationMode": isolation, "outboundRules": outbound, **more}}


HOST, LINK = {"type": "FQDN"}, {"type": "PrivateEndpoint"}


def test_a_small_stack_comes_to_what_the_price_list_says() -> None:
    """Premium registry 1.6666 a day, 730 hours; 40 runs of 30 of 60 minutes and 5 idle ones at 0.272 an hour; 2
    instances at 0.136 an hour; 12 GB of logs, of which 5 are free, at 2.99.
    """
    found = priced(
        REGISTRY,
        cluster(4),
        JOB,
        ROLLOUT,
        LOGS,
        usage={
            "training.runs": 40,
            "training.share_of_limit": 0.5,
            "cluster.node_hours": 0,
            "rollout.count": 0,
            "registry.gigabytes": 500,
            "logs.gigabytes": 10,
            "requests.count": 1_000_000,
            "requests.kilobytes": 2,
        },
    )

    by_hand = 1.6666 * 730 / 24 + 40 * 35 / 60 * 0.272 + 2 * 730 * 0.136 + (10 + 2 - 5) * 2.99 + 0.33 * 730 / 24
    assert found.total.expected == pytest.approx(by_hand)
    assert found.fixed.expected == pytest.approx(1.6666 * 730 / 24 + 2 * 730 * 0.136 + 0.33 * 730 / 24)
    assert found.usage.expected == pytest.approx(40 * 35 / 60 * 0.272 + 7 * 2.99)


PUBLISHED = {
    "AKS Standard": (73.0, kubernetes("Standard", count=0), {}),
    "ACR Basic": (5.0, BASIC_REGISTRY, {"registry.gigabytes": 0}),
    "ACR Premium": (50.0, REGISTRY, {"registry.gigabytes": 0}),
    "IoT Hub S1": (25.0, HUB, {}),
    "private endpoint": (7.30, ENDPOINT, {"endpoints.gigabytes": 0}),
    "private endpoint and 100 GB": (8.30, ENDPOINT, {"endpoints.gigabytes": 100}),
    "firewall Standard": (912.50, workspace(HOST), {"firewall.gigabytes": 0}),
    "NAT gateway": (32.85, ("azure-native:network:NatGateway", {}), {"nat.gigabytes": 0}),
    "public address": (3.65, ("azure-native:network:PublicIPAddress", {}), {}),
    "log analytics, 105 GB": (299.0, LOGS, {"logs.gigabytes": 105}),
    "DS12_v2, 100 hours": (37.1 + 10, cluster(1, size="Standard_DS12_v2"), {"cluster.node_hours": 100}),
    "F8s_v2, 100 hours": (33.8 + 10, cluster(1, size="Standard_F8s_v2"), {"cluster.node_hours": 100}),
    "F4s_v2, 100 hours": (16.9 + 10, cluster(1, size="Standard_F4s_v2"), {"cluster.node_hours": 100}),
}
"""Dollars a month at the list prices that Infracost's tests have (other regions and dates): plausible within 30 %."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_resource_costs_about_what_others_say_it_does(name: str) -> None:
    expected, one, usage = PUBLISHED[name]

    found = priced(one, usage=usage)

    assert found.total.expected == pytest.approx(expected, rel=0.3)
    assert found.unknown == ()


def test_databricks_is_paid_for_its_machines_and_its_dbus() -> None:
    usage = {"databricks.hours": 10, "databricks.dbu": 1, "databricks.share_of_scale": 0, "databricks.gigabytes": 0}
    own = {"enableNoPublicIp": {"value": True}}

    found = priced(("azure-native:databricks:Workspace", {"sku": {"name": "premium"}, "parameters": own}), usage=usage)

    assert found.usage.expected == pytest.approx(10 * 2 * (0.272 + 0.30))
    assert found.fixed.expected == pytest.approx(32.85 + 3.65), "the way out of its own network, also while idle"
    assert "eastus" in " ".join(found.warnings), "the price is another region's and says so"


def test_a_price_of_another_region_is_taken_only_where_the_assumptions_say_so() -> None:
    usage = Usage(Usage.read().assumptions, {})
    plan = [resource("azure-native:databricks:Workspace", {"location": "westeurope"})]

    found = estimate(plan, usage, config=Configuration({}, DAY))

    (line,) = found.unknown
    assert line.what == "DBUs of jobs"
    assert "only for eastus" in line.reason
    assert line.monthly is None


def test_the_firewall_is_there_with_the_first_host_and_not_before() -> None:
    basic = priced(
        workspace(HOST, LINK, firewallSku="Basic"), usage={"firewall.gigabytes": 0, "endpoints.gigabytes": 0}
    )

    assert basic.total.expected == pytest.approx(0.395 * 730 + 7.30)
    assert priced(workspace(LINK)).fixed.expected == pytest.approx(7.30)
    assert priced(workspace(LINK, isolation="AllowInternetOutbound")).fixed.expected == pytest.approx(7.30)
    assert priced(workspace(HOST, firewallSku="Premium")).unknown[0].what.endswith("Premium")


def test_a_free_quantity_is_given_once_to_the_stack_and_at_most_not_at_all() -> None:
    found = priced(LOGS, LOGS, usage={"logs.gigabytes": 4})

    assert found.total.low == pytest.approx(3 * 2.99)
    assert found.total.expected == pytest.approx(3 * 2.99)
    assert found.total.max == pytest.approx(8 * 2.99), "other stacks of the subscription have used it up"


def test_logs_are_never_more_than_the_daily_limit() -> None:
    limited = priced(("azure-native:operationalinsights:Workspace", {"workspaceCapping": {"dailyQuotaGb": 1}}))

    assert limited.total.max == pytest.approx(730 / 24 * 2.99)


def test_a_notebook_instance_costs_its_idle_time_and_its_disk() -> None:
    inner = {"vmSize": "Standard_DS3_v2", "idleTimeBeforeShutdown": "PT30M"}
    properties = {"computeType": "ComputeInstance", "properties": inner}
    usage = {"notebook.days": 10, "notebook.hours": 2}

    stops = priced((f"{ML}Compute", {"properties": properties}), usage=usage)
    del inner["idleTimeBeforeShutdown"]
    runs_on = priced((f"{ML}Compute", {"properties": properties}), usage=usage)

    assert stops.usage.expected == pytest.approx(10 * 2.5 * 0.272)
    assert stops.fixed.expected == pytest.approx(21.68 + 0.33 * 730 / 24)
    assert runs_on.fixed.expected == pytest.approx(730 * 0.272 + 21.68 + 0.33 * 730 / 24)


def test_what_is_not_known_in_a_preview_is_unknown_and_the_rest_is_not() -> None:
    found = priced(cluster(4, size=UNKNOWN), HUB)

    assert [(line.basis, line.monthly) for line in found.unknown] == [(Basis.UNKNOWN, None)]
    assert "vmSize" in found.unknown[0].reason
    assert found.total.expected == 25


def test_what_nobody_has_thought_of_is_unknown() -> None:
    for one in (
        ("azure-native:cache:Redis", {}),
        cluster(1, size="Standard_Z9"),
        ("azure-native:sql:Database", {"sku": {"name": "P15"}}),
    ):
        found = priced(one)
        assert len(found.unknown) >= 1, one
        assert NOTHING not in [line.monthly for line in found.unknown]


def test_where_there_is_no_price_for_a_region_nothing_is_invented() -> None:
    plan = [resource(HUB[0], {**HUB[1], "location": "brazilsouth"})]

    found = estimate(plan, config=Configuration({}, DAY))

    assert found.total == NOTHING
    assert "brazilsouth" in found.unknown[0].reason


def test_old_prices_are_told() -> None:
    assert priced(HUB).warnings == ()
    (told,) = priced(HUB, today=date(2026, 12, 1)).warnings
    assert told.startswith("2 of 2 prices are older than 90 days, the oldest is of 2026-08-15 (108 days)")


def test_components_have_no_line_of_their_own() -> None:
    assert (
        estimate([resource("mlops:platform:Platform", {}), resource("pulumi:providers:azure-native", {})]).lines == ()
    )


def test_a_stack_without_prices_is_unknown_from_end_to_end() -> None:
    found = estimate([resource(*HUB)], Usage.read(), Sheet([]), config=Configuration({}, DAY))

    assert found.total == NOTHING
    assert [line.basis for line in found.lines] == [Basis.UNKNOWN]


counts = some.integers(0, 60)


@settings(max_examples=60, deadline=None)
@given(least=counts, more=counts, extra=counts, hours=some.lists(some.floats(0, 20000), min_size=3, max_size=3))
def test_more_nodes_are_never_cheaper_and_ranges_never_cross(
    least: int, more: int, extra: int, hours: list[float]
) -> None:
    usage = {"cluster.node_hours": sorted(hours)}
    pool = {"enableAutoScaling": True, "minCount": least}
    fewer = priced(cluster(least + more, least), kubernetes("Free", **pool, maxCount=least + more), usage=usage)
    bigger = priced(
        cluster(least + more + extra, least), kubernetes("Free", **pool, maxCount=least + more + extra), usage=usage
    )

    for one in (fewer, bigger):
        for line in one.lines:
            assert 0 <= line.amount.low <= line.amount.expected <= line.amount.max
    delta = bigger.since(fewer).delta
    assert min(delta.low, delta.expected, delta.max) >= -1e-6


@settings(max_examples=40, deadline=None)
@given(first=some.floats(0, 100), second=some.floats(0, 100))
def test_more_of_what_has_a_free_quantity_is_never_cheaper(first: float, second: float) -> None:
    less, more = sorted((first, second))
    small, large = (priced(LOGS, usage={"logs.gigabytes": gigabytes}).total for gigabytes in (less, more))

    assert small.expected <= large.expected + 1e-9
    assert small.low <= small.expected <= small.max
