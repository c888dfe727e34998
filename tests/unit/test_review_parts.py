"""The smaller parts of a review: openings, needs, undo, certainty, stale bases, findings that are there already."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from policies.azure.verdict import Outcome, Verdict
from policies.configuration import Configuration
from policies.judgement import Finding as Judged
from policies.prices.estimate import Basis, Estimate, Line, Range
from policies.resource import UNKNOWN, Resource
from policies.rule import ALWAYS, Level, Rule, Severity
from review import assemble, markdown
from review.plan import read
from review.report import Ending, Freshness, Report, Risk
from review.sentence import money, sentence
from tests.unit.review_plans import review, step, urn
from tools import review_facts, throwaway
from tools.stacks import Stack

STORAGE, VAULT = "azure-native:storage:StorageAccount", "azure-native:keyvault:Vault"
ASSIGNMENT, IDENTITY = "azure-native:authorization:RoleAssignment", "azure-native:managedidentity:UserAssignedIdentity"
RULE = Rule(
    id="X-01", name="rule", title="A title", severity=Severity.HIGH, levels=ALWAYS, fix="Mend it", types=("*:*",),
    check=lambda one: (),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        (VAULT, {}, {"properties": {"networkAcls": {"defaultAction": "Allow"}}}, "lets every network in"),
        (STORAGE, {}, {"networkRuleSet": {"ipRules": [{"iPAddressOrRange": "0.0.0.0/0"}]}}, "lets in `0.0.0.0/0`"),
        (STORAGE, {"minimumTlsVersion": "TLS1_2"}, {"minimumTlsVersion": "TLS1_0"}, "accepts outdated TLS"),
        ("azure-native:containerregistry:Registry", {}, {"adminUserEnabled": True}, "has an admin user"),
        (
            "azure-native:network:NetworkSecurityGroup",
            {},
            {"securityRules": [{"name": "all", "access": "Allow", "direction": "Inbound", "sourceAddressPrefix": "*"}]},
            "lets the internet in on port every port (`all`)",
        ),
        (
            "azure-native:managedidentity:FederatedIdentityCredential",
            {},
            {"subject": "repo:o/r:*", "issuer": "https://i", "resourceName": "deploy"},
            "`repo:o/r:*` (of https://i) may act as `deploy`",
        ),
    ],
)
def test_what_opens_is_serious(kind: str, old: dict[str, Any], new: dict[str, Any], said: str) -> None:
    (found,) = review(step("update", kind, "x", old, new)).access
    assert said in found.said
    assert (found.widens, found.serious) == (True, True)


def test_what_closes_is_told_and_is_no_risk() -> None:
    old, new = ({"publicNetworkAccess": value} for value in ("Enabled", "Disabled"))
    one = review(step("update", STORAGE, "lake", old, new))
    assert [(found.widens, "no public address" in found.said) for found in one.access] == [(False, True)]
    assert one.risk is Risk.CHANGES


def test_a_private_endpoint_that_goes_is_told() -> None:
    one = review(step("delete", "azure-native:network:PrivateEndpoint", "vault-endpoint", {"location": "x"}))
    assert "its target is no longer reached privately" in one.access[0].said


def test_a_role_of_an_identity_that_nothing_uses_is_not_needed() -> None:
    inputs = {"roleDefinitionId": "/x/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "scope": "/subscriptions/x"}
    grant = step("create", ASSIGNMENT, "grant", None, inputs, dependencies=[urn(IDENTITY, "lonely")])
    assert review(grant).unneeded == ("`grant`: nothing in the plan uses `lonely`",)
    user = step("create", STORAGE, "lake", None, {}, dependencies=[urn(IDENTITY, "lonely")])
    assert review(grant, user).unneeded == ()


def test_a_secret_that_changed_is_told_and_not_shown() -> None:
    masked = {"properties": {"value": "[secret]"}}
    detailed = {"properties.value": {"kind": "update", "inputDiff": True}}
    one = review(step("update", "azure-native:keyvault:Secret", "s", masked, masked, detailedDiff=detailed))
    (found,) = one.changes[0].properties
    assert (found.path, found.after) == ("properties.value", "[another secret]")


def test_a_secret_of_the_state_is_masked() -> None:
    signed = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
    state = {"urn": urn(STORAGE, "lake"), "type": STORAGE, "inputs": {"a": {"b": signed}}}
    assert read({}, [state]).before[0].inputs == {"a": {"b": "[secret]"}}


def test_a_secret_of_the_stack_is_a_word_that_changes_with_it(tmp_path: Any) -> None:
    def word(ciphertext: str) -> str:
        file = tmp_path / "Pulumi.dev.yaml"
        file.write_text(f"encryptionsalt: v1:x\nconfig:\n  mlops:key:\n    secure: {ciphertext}\n  mlops:a: b\n")
        found = throwaway.configuration(Stack("dev", "azure", file))
        assert set(found) == {"config"}
        return str(found["config"]["mlops:key"]["secure"])

    assert word("v1:aaa") == word("v1:aaa") != word("v1:bbb")
    assert "aaa" not in word("v1:aaa").removeprefix("secret-") or len(word("v1:aaa")) == 19


def test_a_component_is_nothing_but_what_is_in_it() -> None:
    component = step("delete", "mlops:storage:Storage", "lake", {}, custom=False)
    assert review(component).changes == ()
    assert review(component).hidden == 1


def test_time_and_quota_come_from_what_is_declared() -> None:
    cluster = {"properties": {"properties": {"vmSize": "Standard_X", "scaleSettings": {"maxNodeCount": 4}}}}
    rollout = {"system": "bike", "stages": [10, 50], "stageSeconds": 600}
    one = review(
        step("create", "azure-native:machinelearningservices:Compute", "cpu", None, {**cluster, "location": "eu"}),
        step("update", "pulumi-python:dynamic/ml:Rollout", "r", rollout, {**rollout, "image": "x"}),
    )
    assert one.needs == (
        "bike is rolled out in 2 stages: 20 minutes at least",
        "quota for up to 4 × Standard_X in `eu` (`cpu`)",
    )


def test_certainty_counts_what_is_known() -> None:
    one = review(step("create", STORAGE, "lake", None, {"a": 1, "b": UNKNOWN, "c": ["x", f"pre-{UNKNOWN}"]}))
    assert one.certainty is not None
    assert (one.certainty.known, one.certainty.total, one.certainty.percent) == (2, 4, 50.0)


def test_a_base_that_moved_on_makes_the_review_stale() -> None:
    one = replace(review(step("same", STORAGE, "lake", {}, {})), freshness=Freshness(base="b", head="h", behind=3))
    assert "**Stale:** BASE has 3 commits that this branch has not" in markdown.render(Report("mlops", (one,)))


def judged(message: str = "is wrong", **more: Any) -> Judged:
    return Judged(RULE, more.pop("level", Level.MANDATORY), urn(STORAGE, "lake"), message, **more)


def test_a_finding_says_whether_base_has_it_and_what_is_gone() -> None:
    one = review(
        step("same", STORAGE, "lake", {}, {}),
        rules_before=[judged("is old"), judged("was mended")],
        rules_after=[judged("is old"), judged("is new")],
    )
    assert [(found.message, found.new) for found in one.findings] == [("is new", True), ("is old", False)]
    assert one.fixed == 1
    assert one.risk is Risk.BLOCKED
    assert "**Blocked** by X-01 rule" in sentence(one)


def test_what_base_breaks_already_does_not_block_a_change_of_nothing() -> None:
    quiet = review(
        step("same", STORAGE, "lake", {}, {}), rules_before=[judged("is old")], rules_after=[judged("is old")]
    )
    assert sentence(quiet) == "No changes: all 1 resource stay as they are. BASE breaks X-01 rule already."
    assert Report("mlops", (quiet,)).exit_code == 0
    other = step("update", STORAGE, "lake", {"a": 1}, {"a": 2})
    assert review(other, rules_before=[judged("is old")], rules_after=[judged("is old")]).risk is Risk.BLOCKED


def test_what_cannot_be_judged_yet_neither_passes_nor_blocks() -> None:
    one = review(step("same", STORAGE, "lake", {}, {}), rules_after=[judged("checked at update: a", deferred=True)])
    assert [found.level for found in one.findings] == ["deferred"]
    assert one.risk is Risk.NOTHING
    assert not one.is_quiet
    assert "Checked at the update" in markdown.render(Report("mlops", (one,)))


@pytest.mark.parametrize(
    ("assignment", "enforced", "blocks"), [("prod guard", True, True), ("prod guard", False, False), ("", True, False)]
)
def test_azure_refuses_only_what_is_assigned_and_enforced(assignment: str, enforced: bool, blocks: bool) -> None:
    verdict = Verdict(
        Outcome.DENY,
        "d",
        "No public access",
        "deny",
        urn=urn(STORAGE, "lake"),
        assignment=assignment,
        enforced=enforced,
    )
    one = review(step("same", STORAGE, "lake", {}, {}), verdicts_after=[verdict])
    assert [found.blocks for found in one.findings] == [blocks]


def estimate(amount: float | None) -> Estimate:
    basis, monthly = (Basis.UNKNOWN, None) if amount is None else (Basis.FIXED, Range.exactly(amount))
    return Estimate((Line(urn=urn(STORAGE, "lake"), type=STORAGE, what="nodes", basis=basis, monthly=monthly),))


def test_what_has_no_price_is_never_counted_as_nothing() -> None:
    one = review(
        step("update", STORAGE, "lake", {"a": 1}, {"a": 2}), cost_before=estimate(10.0), cost_after=estimate(None)
    )
    assert money(one.cost) == "cost of `lake` **not known**, the rest −$10 a month ($10 → $0)"
    assert "<summary>Cost: not known in part" in markdown.render(Report("mlops", (one,)))


def test_cost_is_told_before_and_after() -> None:
    one = review(
        step("update", STORAGE, "lake", {"a": 1}, {"a": 2}), cost_before=estimate(412.0), cost_after=estimate(486.0)
    )
    assert "+$74 a month ($412 → $486)" in sentence(one)


def test_an_ending_says_whether_this_change_brings_it_in() -> None:
    old = Ending(date="2027-01-01", what="the size X", resources=("cpu",))
    one = review(
        step("same", STORAGE, "lake", {}, {}),
        endings_before=[old],
        endings_after=[old, Ending(date="2026-12-31", what="the size Y", resources=("gpu",))],
    )
    assert [(found.what, found.new) for found in one.endings] == [("the size Y", True), ("the size X", False)]


def test_sizes_and_api_versions_that_end_are_found() -> None:
    day = Configuration({}, dt.date(2026, 12, 1))
    inputs = {"properties": {"properties": {"vmSize": "Standard_NC6s_v3"}}}
    cluster = Resource(urn(review_facts.CLUSTER, "gpu"), review_facts.CLUSTER, inputs)
    found = review_facts.endings([cluster, Resource(urn(VAULT, "vault"), VAULT, {})], day)
    assert [one.date for one in found] == ["2025-09-30", "2027-02-27"]
    assert found[1].resources == ("vault",)


def test_a_job_has_the_price_of_its_cluster() -> None:
    inputs = {"computeName": "cpu", "properties": {"properties": {"vmSize": "Standard_DS3_v2"}}}
    cluster = Resource(urn(review_facts.CLUSTER, "cpu"), review_facts.CLUSTER, inputs)
    price = review_facts.job_price([cluster], Configuration({"location": "westeurope"}))
    hour, half = price("cpu", 60), price("cpu", 30)
    assert hour.startswith(" (Standard_DS3_v2), at most $0.")
    assert float(half.rpartition("$")[2]) == pytest.approx(float(hour.rpartition("$")[2]) / 2, abs=0.01)
    assert price("another", 60) == ""


def test_a_comment_does_not_say_where_a_folder_is(tmp_path: Any) -> None:
    found, why = review_facts.definitions({"MLOPS_AZURE_POLICY_DIR": str(tmp_path)})
    assert found is None
    assert "Azure Policy was not asked: $MLOPS_AZURE_POLICY_DIR: a folder of definitions has" in why
    assert str(tmp_path) not in why


def test_a_base_that_fails_is_not_taken_for_the_change() -> None:
    at = '  File "/x/infra/a.py", line 3, in f'
    trace = f"error: Program failed:\nTraceback (most recent call last):\n{at}\nValueError: no"
    assert assemble.without_traceback(trace) == "error: ValueError: no (infra/a.py, line 3)"
    whose = "stack dev of BASE (0123456789ab) cannot be made, not even without Azure:"
    assert assemble.without_traceback(f"{whose}\n{trace}") == f"{whose} ValueError: no (infra/a.py, line 3)"
