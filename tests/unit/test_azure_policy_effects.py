"""Azure Policy: what is done with a request, and in which words it is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from policies.azure.assignment import Assigned, Exemption
from policies.azure.judging import Policies
from policies.azure.subject import Facts
from policies.azure.verdict import Change, Outcome
from policies.resource import UNKNOWN
from tests.unit.azure_policy import ALIASES, GROUP_ID, NOW, TYPE, definition, judgement, subject, verdict

OPEN = {"field": f"{TYPE}/access", "notEquals": "Disabled"}


def modify(*operations: Any) -> dict[str, Any]:
    return {"effect": "modify", "details": {"roleDefinitionIds": [], "operations": list(operations)}}


def operation(kind: str, field: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"operation": kind, "field": field, **({} if value is None else {"value": value}), **more}


@pytest.mark.parametrize(("effect", "outcome"), [("Deny", Outcome.DENY), ("AUDIT", Outcome.AUDIT), ("disabled", None)])
def test_the_effect_decides_what_becomes_of_a_match(effect: str, outcome: Outcome | None) -> None:
    found = verdict(OPEN, subject({"access": "Enabled"}), effect)
    assert (found.outcome if found else None) is outcome
    assert verdict(OPEN, subject({"access": "disabled"}), effect) is None


def test_a_verdict_says_what_was_found_and_what_to_write() -> None:
    found = verdict(OPEN, subject({}, urn="urn:pulumi:dev::mlops::x::thing"), "deny")
    assert found is not None
    assert found.blocks
    assert (found.name, found.title, found.effect) == ("thing", "Things are safe", "deny")
    assert found.found == ("properties.access is missing",)
    assert found.remedies == ("write properties.access: Disabled",)


@pytest.mark.parametrize(
    ("rule", "body", "remedies"),
    [
        ({"field": f"{TYPE}/access", "equals": True}, {"access": True}, ("write properties.access: false",)),
        ({"not": {"field": f"{TYPE}/access", "equals": "on"}}, {}, ("write properties.access: on",)),
        ({"field": f"{TYPE}/days", "less": 90}, {"days": 7}, ("write properties.days: at least 90",)),
        ({"field": f"{TYPE}/access", "exists": False}, {}, ("write properties.access",)),
        (
            {"count": {"field": f"{TYPE}/rules[*]"}, "greater": 0},
            {"rules": [1]},
            ("write properties.rules[*]: at most 0 of them",),
        ),
        (
            {
                "count": {"field": f"{TYPE}/rules[*]", "where": {"field": f"{TYPE}/rules[*].value", "equals": "*"}},
                "greater": 0,
            },
            {"rules": [{"value": "a"}, {"value": "*"}]},
            ("write properties.rules[*].value: anything but *",),
        ),
        (
            {"anyOf": [{"field": f"{TYPE}/access", "exists": False}, OPEN, {"field": f"{TYPE}/days", "exists": False}]},
            {},
            ("write properties.access: Disabled", "write properties.days"),
        ),
        (
            {"allOf": [{"field": f"{TYPE}/days", "exists": True}, OPEN]},
            {"days": 3},
            ("write properties.access: Disabled",),
        ),
        ({"field": f"{TYPE}/rules[*].value", "exists": False}, {}, ("write properties.rules[*].value: at least one",)),
    ],
)
def test_the_remedy_is_what_makes_the_rule_false(rule: Any, body: Any, remedies: tuple[str, ...]) -> None:
    found = verdict(rule, subject(body))
    assert found is not None
    assert found.remedies == remedies


def test_modify_writes_adds_and_removes() -> None:
    effect = modify(
        operation("addOrReplace", f"{TYPE}/access", "Disabled"),
        operation("add", "tags['owner']", "[parameters('owner')]"),
        operation("add", f"{TYPE}/sku.name", "Basic"),
        operation("remove", f"{TYPE}/days"),
        operation("addOrReplace", f"{TYPE}/rules[*].value", "x"),
        operation("addOrReplace", f"{TYPE}/days", 1, condition="[less(requestContext().apiVersion, '2000-01-01')]"),
    )
    on = subject({"Access": "Enabled", "days": 3, "rules": [{"value": "a"}, {}]}, sku={"name": "Premium"})
    judged = judgement(OPEN, on, effect, {"owner": {"defaultValue": "ml"}})
    assert judged.changed().body == {
        "location": "West Europe",
        "sku": {"name": "Premium"},
        "tags": {"owner": "ml"},
        "properties": {"Access": "Disabled", "rules": [{"value": "x"}, {"value": "x"}]},
    }
    found = judged.verdict
    assert found is not None
    assert found.outcome is Outcome.MODIFY
    assert found.changes[:2] == (
        Change("properties.access", "Enabled", "Disabled"),
        Change("tags['owner']", None, "ml"),
    )
    assert on.body["properties"] == {"Access": "Enabled", "days": 3, "rules": [{"value": "a"}, {}]}


def test_a_value_that_nobody_gave_is_written_as_unknown() -> None:
    found = verdict(OPEN, subject({}), modify(operation("add", "tags[owner]", "[parameters('owner')]")))
    assert found is not None
    assert found.changes == (Change("tags['owner']", None, UNKNOWN),)
    assert found.reason == "parameter owner has no value"


def test_modify_that_changes_nothing_only_lists() -> None:
    found = verdict(OPEN, subject({}), modify(operation("add", f"{TYPE}/days", 3, condition="[false()]")))
    assert found is not None
    assert found.outcome is Outcome.AUDIT


def test_append_adds_and_never_overwrites() -> None:
    effect = {"effect": "append", "details": [{"field": f"{TYPE}/rules[*]", "value": "b"}]}
    assert judgement(OPEN, subject({"rules": ["a"]}), effect).changed().body["properties"]["rules"] == ["a", "b"]
    over = {"effect": "append", "details": [{"field": f"{TYPE}/access", "value": "Disabled"}]}
    found = verdict(OPEN, subject({"access": "Enabled"}), over)
    assert found is not None
    assert found.outcome is Outcome.DENY
    assert found.found == ("properties.access is 'Enabled', and append cannot make it 'Disabled'",)


def test_a_rule_that_fails_is_refused_by_azure() -> None:
    found = verdict({"value": "[int('x')]", "equals": 1}, subject({}))
    assert found is not None
    assert found.outcome is Outcome.DENY
    assert "int() takes no 'x'" in found.reason


def test_what_azure_fills_in_cannot_be_judged_from_a_request() -> None:
    rule = {"count": {"field": f"{TYPE}/connections[*]"}, "equals": 0}
    found = verdict(rule, subject({}))
    assert found is not None
    assert found.outcome is Outcome.NOT_IN_BODY
    sent = verdict(rule, subject({}), facts=Facts(sent=True, now=NOW))
    assert sent is not None
    assert sent.outcome is Outcome.AUDIT
    read_only = verdict(OPEN, subject({}, read_only=frozenset({("properties", "access")})))
    assert read_only is not None
    assert read_only.outcome is Outcome.NOT_IN_BODY


def test_another_resource_is_undecided_and_the_resource_itself_is_judged() -> None:
    details = {
        "type": "Microsoft.Insights/diagnosticSettings",
        "existenceCondition": {"field": "nobody/knows", "equals": 1},
    }
    found = verdict(OPEN, subject({}), {"effect": "auditIfNotExists", "details": details})
    assert found is not None
    assert (found.outcome, found.reason) == (
        Outcome.UNDECIDED,
        "it looks for another resource: Microsoft.Insights/diagnosticSettings",
    )
    own = {"type": TYPE, "name": "[field('name')]", "existenceCondition": {"field": f"{TYPE}/days", "exists": True}}
    effect = {"effect": "deployIfNotExists", "details": own}
    assert verdict(OPEN, subject({"days": 1}), effect) is None
    missing = verdict(OPEN, subject({}), effect)
    assert missing is not None
    assert (missing.outcome, missing.remedies) == (Outcome.AUDIT, ("write properties.days",))


def test_indexed_definitions_are_about_types_with_tags_and_location() -> None:
    assert verdict(OPEN, subject({}, indexed=False)) is None
    assert verdict(OPEN, subject({}, indexed=True)) is not None


@pytest.mark.parametrize(
    ("assigned", "judged"),
    [
        ({"scope": GROUP_ID.upper()}, True),
        ({"scope": f"{GROUP_ID}-other"}, False),
        ({"scope": "/providers/Microsoft.Management/managementGroups/root"}, True),
        ({"not_scopes": (GROUP_ID,)}, False),
        ({"exemptions": (Exemption(GROUP_ID),)}, False),
        ({"exemptions": (Exemption(GROUP_ID, NOW - timedelta(days=1)),)}, True),
        ({"exemptions": (Exemption(GROUP_ID, None, frozenset({"other"})),), "reference": "own"}, True),
    ],
)
def test_an_assignment_holds_where_it_says(assigned: dict[str, Any], judged: bool) -> None:
    assert (verdict(OPEN, subject({}), **assigned) is not None) is judged


def test_values_and_enforcement_come_from_the_assignment() -> None:
    found = verdict(
        {"field": f"{TYPE}/days", "less": "[parameters('days')]"},
        subject({"days": 50}),
        "[parameters('effect')]",
        parameters={"days": {"defaultValue": 30}, "effect": {"defaultValue": "Audit"}},
        values={"days": 90, "effect": "Deny"},
        enforced=False,
    )
    assert found is not None
    assert found.outcome is Outcome.DENY
    assert not found.blocks


def test_what_cannot_be_judged_at_all_is_said_once() -> None:
    unknown = definition({"value": "[mystery()]", "equals": 1})
    service = definition(OPEN, mode="Microsoft.Kubernetes.Data")
    no_effect = definition(OPEN, "explode")
    everything = Policies(tuple(map(Assigned, (unknown, service, no_effect))), ALIASES)
    found = everything.judge([subject({}), subject({})], Facts(now=NOW))
    assert [(one.outcome, one.reason) for one in found] == [
        (Outcome.REFUSED, "function mystery() is not known"),
        (Outcome.UNDECIDED, "mode Microsoft.Kubernetes.Data is judged inside of the service"),
        (Outcome.REFUSED, "effect explode is not known"),
    ]
