"""How rules are held to resources: what is not known, levels, exemptions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from policies.catalogue import rules
from policies.configuration import Configuration
from policies.judgement import Finding, judge
from policies.levels import level
from policies.resource import UNKNOWN, Resource
from policies.rule import ALWAYS, STRICTER, Level, Rule, Severity, must_be
from policies.rules.retirement import API_ENDS, GENERIC, with_versions
from policies.view import NotKnownYet, View, short_type

TODAY = dt.date(2026, 11, 30)
RULE = Rule(
    id="X-99",
    name="closed",
    title="An account is closed",
    severity=Severity.LOW,
    levels=ALWAYS,
    types=("storage:StorageAccount",),
    fix="Close it",
    check=must_be("network.action", "Deny"),
)


def account(action: Any, name: str = "lake") -> Resource:
    kind = "azure-native:storage:StorageAccount"
    return Resource(f"urn:pulumi:prod::mlops::{kind}::{name}", kind, {"network": {"action": action}})


def config(**policy: Any) -> Configuration:
    return Configuration({"environment": "prod", "policy": policy}, TODAY)


def found(action: Any, **policy: Any) -> list[Finding]:
    return list(judge([RULE], [account(action)], config(**policy)))


def exemption(expires: str, rule: str = "closed", resource: str = "lake") -> dict[str, Any]:
    entry = {"rule": rule, "resource": resource, "reason": "moved next week", "expires": expires}
    return {"exemptions": [entry]}


def test_a_value_that_is_as_it_must_be_is_no_finding() -> None:
    assert found("Deny") == []


def test_a_wrong_value_names_path_value_and_what_is_wanted() -> None:
    (one,) = found("Allow")
    assert one.message == "network.action is Allow, not Deny"
    assert (one.resource, one.blocks, one.deferred) == ("lake", True, False)


@pytest.mark.parametrize("unknown", [UNKNOWN, f"prefix-{UNKNOWN}"])
def test_what_is_not_known_is_checked_at_the_update_and_never_passes(unknown: str) -> None:
    (one,) = found(unknown)
    assert one.deferred
    assert not one.blocks
    assert one.message == "checked at update: network.action is known only then"


def test_an_unknown_above_the_value_is_not_read_as_absent() -> None:
    view = View(Resource("urn::x", "t", {"network": UNKNOWN, "list": [{"a": UNKNOWN}], "none": None}))
    with pytest.raises(NotKnownYet, match="network"):
        view.get("network.action")
    with pytest.raises(NotKnownYet, match="network"):
        view.has("network.action")
    with pytest.raises(NotKnownYet, match=r"list\[0\]\.a"):
        [entry["a"] for entry in view.get("list")]
    assert view.has("network")
    assert not view.has("none")


def test_other_types_are_not_looked_at() -> None:
    vault = Resource("urn::vault", "azure-native:keyvault:Vault", {})
    assert list(judge([RULE], [vault], config())) == []
    assert short_type("azure-native:storage/v20240101:StorageAccount") == "storage:StorageAccount"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, Level.MANDATORY),
        ({"closed": "advisory"}, Level.ADVISORY),
        ({"X-99": "disabled"}, Level.DISABLED),
        ({"closed": "remediate"}, Level.MANDATORY),
    ],
)
def test_the_stack_file_says_another_level(overrides: dict[str, str], expected: Level) -> None:
    assert level(RULE, config(overrides=overrides)) is expected
    assert bool(found("Allow", overrides=overrides)) is (expected is not Level.DISABLED)


def test_levels_are_those_of_production_in_production_alone() -> None:
    assert [STRICTER.of(profile) for profile in ("dev", "prod")] == [Level.ADVISORY, Level.MANDATORY]
    assert [Configuration({"environment": name}).profile for name in ("local", "dev", "test", "prod")] == [
        "dev",
        "dev",
        "dev",
        "prod",
    ]


def test_an_exemption_lets_through_until_its_last_day() -> None:
    (one,) = found("Allow", **exemption("2026-11-30"))
    assert not one.blocks
    assert one.exemption is not None
    (one,) = found("Allow", **exemption("2026-11-29"))
    assert one.blocks


@pytest.mark.parametrize(("rule", "resource", "blocks"), [("X-99", "la*", False), ("X-98", "lake", True)])
def test_an_exemption_is_for_one_rule_and_the_resources_it_names(rule: str, resource: str, blocks: bool) -> None:
    (one,) = found("Allow", **exemption("2027-01-01", rule, resource))
    assert one.blocks is blocks


def test_every_rule_says_how_to_put_it_right() -> None:
    for rule in rules():
        assert rule.title[0].isupper(), rule.id
        assert not rule.title.endswith("."), rule.id
        assert rule.fix, rule.id


@pytest.mark.parametrize(
    ("name", "broken"),
    [("pipelines-identity-on-group-group-contributor", False), ("pipelines-of-mine", True), ("data-factory", True)],
)
def test_one_assignment_alone_may_be_contributor_of_the_group(name: str, broken: bool) -> None:
    kind = "azure-native:authorization:RoleAssignment"
    role = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
    inputs = {"roleDefinitionId": role, "scope": "/subscriptions/1/resourceGroups/rg", "principalType": "Group"}
    one = Resource(f"urn:pulumi:prod::mlops::{kind}::{name}", kind, inputs)
    assert ("no-broad-contributor" in {found.rule.name for found in judge(rules(), [one], config())}) is broken


@pytest.mark.parametrize(
    ("namespace", "version", "messages"),
    [
        ("Microsoft.KeyVault", "2023-07-01", ["is sent with the API version 2023-07-01, which ends on 2027-02-27"]),
        ("Microsoft.KeyVault", "2026-02-01", []),
        ("Microsoft.DataFactory", "2018-06-01", []),
    ],
)
def test_a_generic_resource_is_judged_by_what_it_stands_for(namespace: str, version: str, messages: list[str]) -> None:
    inputs = {"resourceProviderNamespace": namespace, "resourceType": "vaults", "apiVersion": version}
    one = Resource(f"urn:pulumi:prod::mlops::{GENERIC}::note", GENERIC, inputs)
    said = [entry.message.partition(", see ")[0] for entry in judge([API_ENDS], [one], config())]
    assert said == messages


def test_a_commit_is_judged_by_the_api_versions_that_it_sends() -> None:
    kind = "azure-native:keyvault:Vault"
    one = Resource(f"urn:pulumi:prod::mlops::{kind}::vault", kind, {})
    older = with_versions(config(), "keyvault:Vault 2023-07-01\n")
    assert [entry.rule.name for entry in judge([API_ENDS], [one], older)] == ["api-ends"]
    assert list(judge([API_ENDS], [one], with_versions(config(), "keyvault:Vault 2026-02-01\n"))) == []
