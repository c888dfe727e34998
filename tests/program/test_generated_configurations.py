"""Any valid configuration gives a platform that holds the same rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.program import test_platform as platform_rules
from tests.program.azure.checks import CHECKS
from tests.program.azure.declared import Declared
from tests.program.recorder import run

RULES = (
    platform_rules.test_every_resource_has_a_component_as_parent,
    platform_rules.test_no_key_opens_a_storage_account,
    platform_rules.test_services_refuse_keys_and_passwords,
    platform_rules.test_roles_are_few_and_narrow,
)
ADDRESSES = st.lists(st.sampled_from(["8.8.8.8", "1.2.3.0/24", "20.0.0.0/8"]), unique=True)
NETWORKS = st.one_of(
    st.just({"networkProfile": "open"}),
    st.fixed_dictionaries({"networkProfile": st.just("hybrid"), "allowedAddresses": ADDRESSES}),
    st.just({"networkProfile": "private"}),
)
CONFIGURATIONS = st.builds(
    lambda required, network: {**required, **network},
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
            "systems": st.lists(st.sampled_from(["bike_buyer", "reviews", "diabetes"]), unique=True),
            "compute": st.fixed_dictionaries({"maxNodes": st.integers(1, 100), "idleMinutes": st.integers(1, 60)}),
            "storage": st.fixed_dictionaries({"softDeleteDays": st.integers(1, 365)}),
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
@settings(QUICK, max_examples=3)
def test_rules_hold(config: dict[str, Any], stack: str) -> None:
    hold_rules(config, stack)


def hold_rules(config: dict[str, Any], stack: str) -> None:
    recording = run(platform_rules.program, config, stack=stack)
    for rule in RULES:
        rule(recording)
    stack_as_declared = Declared(recording, config)
    assert [problem for check in CHECKS.values() for problem in check(stack_as_declared)] == []


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
