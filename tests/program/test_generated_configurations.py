"""Any valid configuration gives a platform that holds the same rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from infra.parts import NOT_IN_PRIVATE, Part
from infra.platform import PARTS as PARTS_DECLARED
from tests.program import test_platform as platform_rules
from tests.program.azure.checks import CHECKS
from tests.program.azure.declared import Declared
from tests.program.azure.stacks import AZURE, FULL
from tests.program.recorder import run

ADDRESSES = st.lists(st.sampled_from(["8.8.8.8", "1.2.3.0/24", "20.0.0.0/8"]), unique=True)
PARTS = [part.value for part in PARTS_DECLARED]
NEEDED_BY_PARTS = {key: value for key, value in FULL.items() if key not in {*AZURE, "platform", "dataFactory"}}
"""What the parts cannot do without."""
HUB = "/subscriptions/{subscription}/resourceGroups/rg-dns"


def section(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the keys of a section: none is required."""
    return st.fixed_dictionaries({}, optional=keys)


NETWORKS = st.one_of(
    st.just({"networkProfile": "open"}),
    st.fixed_dictionaries({"networkProfile": st.just("hybrid"), "allowedAddresses": ADDRESSES}),
    st.fixed_dictionaries(
        {
            "networkProfile": st.just("private"),
            "network": section(
                addressSpace=st.sampled_from(["10.40.0.0/20", "10.0.0.0/16", "172.16.0.0/20"]),
                approvedHosts=st.lists(st.sampled_from(["pypi.org", "*.pythonhosted.org"]), unique=True),
                dnsZonesGroupId=st.just(HUB),
            ),
        }
    ),
)


def configuration(required: dict[str, Any], network: dict[str, Any]) -> dict[str, Any]:
    """One configuration, with the ids of what is elsewhere in its own subscription."""
    own = json.dumps(network).replace("{subscription}", required["subscriptionId"])
    parts = {*required["platform"]}
    if network["networkProfile"] == "private":
        parts -= NOT_IN_PRIVATE
    if Part.FILE_TRIGGER in parts:
        parts.add(Part.BATCH)
    return {**NEEDED_BY_PARTS, **required, **json.loads(own), "platform": sorted(parts)}


CONFIGURATIONS = st.builds(
    configuration,
    st.fixed_dictionaries(
        {
            "cloud": st.sampled_from(["azure", "emulator"]),
            "subscriptionId": st.uuids(version=4).map(str),
            "tenantId": st.uuids(version=4).map(str),
            "deployersGroupId": st.uuids(version=4).map(str),
            "location": st.sampled_from(["westeurope", "swedencentral", "eastus2"]),
            "environment": st.sampled_from(["local", "dev", "test", "prod"]),
            "owner": st.from_regex(r"[a-z]{1,20}@example\.com", fullmatch=True),
            "costCenter": st.from_regex(r"[1-9][0-9]{1,8}", fullmatch=True),
            "nameSalt": st.from_regex(r"[a-z0-9]{0,16}", fullmatch=True),
            "platform": st.lists(st.sampled_from(PARTS), unique=True, max_size=3),  # all of them: test_held_to_azure.py
            "systems": st.lists(st.sampled_from(["bike_buyer", "reviews", "diabetes"]), unique=True),
            "compute": section(maxNodes=st.integers(1, 100), idleMinutes=st.integers(1, 60)),
            "monitoring": section(retentionDays=st.integers(30, 730), dailyQuotaGb=st.integers(1, 4000)),
            "operations": st.fixed_dictionaries(
                {"alertEmails": st.lists(st.sampled_from(["a@b.co", "c@d.org"]), min_size=1, unique=True)},
                optional={"errorPercent": st.integers(1, 100), "latencyMilliseconds": st.integers(1, 600_000)},
            ),
            "sql": section(
                maxCores=st.sampled_from([1, 2, 4, 16]),
                pauseMinutes=st.integers(15, 10080),
                backupRedundancy=st.sampled_from(["Local", "Zone", "Geo", "GeoZone"]),
            ),
            "storage": section(
                softDeleteDays=st.integers(1, 365),
                redundancy=st.sampled_from(["Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_GZRS"]),
            ),
        }
    ),
    NETWORKS,
)
# A run takes most of a second: hundreds of tries to make a failing example smaller are not worth it.
QUICK = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
STACKS = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,60}", fullmatch=True)


@pytest.mark.long
@given(config=CONFIGURATIONS, stack=STACKS)
@settings(QUICK, max_examples=300, phases=tuple(Phase))
def test_rules_hold_for_hundreds(config: dict[str, Any], stack: str) -> None:
    hold_rules(config, stack)


@given(config=CONFIGURATIONS, stack=STACKS)
@settings(QUICK, max_examples=25)
def test_rules_hold(config: dict[str, Any], stack: str) -> None:
    hold_rules(config, stack)


def hold_rules(config: dict[str, Any], stack: str) -> None:
    recording = run(platform_rules.program, config, stack=stack)
    platform_rules.test_every_resource_has_a_component_as_parent(recording)
    declared = Declared(recording, config)
    assert [problem for check in CHECKS.values() for problem in check(declared)] == []


@given(config=CONFIGURATIONS, stack=STACKS)
@settings(QUICK, max_examples=1)
def test_order_of_keys_changes_nothing(config: dict[str, Any], stack: str) -> None:
    def inputs(keys: list[str]) -> dict[str, str]:
        recording = run(platform_rules.program, {key: config[key] for key in keys}, stack=stack)
        return {
            resource.urn: json.dumps(resource.inputs, sort_keys=True, default=lambda _: "unknown")
            for resource in recording.resources
        }

    assert inputs(sorted(config)) == inputs(sorted(config, reverse=True))


@given(config=CONFIGURATIONS, other=CONFIGURATIONS, stack=STACKS)
@settings(QUICK, max_examples=2)
def test_logical_names_follow_from_what_a_stack_is_made_of(
    config: dict[str, Any], other: dict[str, Any], stack: str
) -> None:
    """Another subscription, region, owner or salt moves what is made, and renames nothing: names are state."""
    structure = ("environment", "networkProfile", "network", "allowedAddresses", "platform", "systems", "compute")
    here = {key: value for key, value in config.items() if key != "network"}
    moved = {**here, **{key: value for key, value in other.items() if key not in structure}}
    first, second = (run(platform_rules.program, one, stack=stack) for one in (here, moved))
    assert {one.urn for one in first.resources} == {one.urn for one in second.resources}
