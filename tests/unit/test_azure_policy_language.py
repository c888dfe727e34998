"""Azure Policy's language: conditions, lists, counts, template functions, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from policies.azure import fields
from policies.azure.errors import RuleError, UnknownConstructError
from policies.azure.expressions import template
from policies.azure.subject import Subject
from policies.azure.values import Undecided
from policies.resource import SECRET, UNKNOWN
from tests.unit.azure_policy import GROUP_ID, NOW, TYPE, definition, judgement, subject, truth

ACCESS = f"{TYPE}/access"
RULE = f"{TYPE}/rules[*]"


def on_access(operator: str, wanted: Any, value: Any) -> Any:
    return truth({"field": ACCESS, operator: wanted}, subject({} if value is None else {"access": value}))


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("equals", "enabled", "Enabled", True),
        ("equals", "true", True, True),
        ("equals", 3, "3", True),
        ("equals", "", None, True),
        ("notEquals", "Disabled", None, True),
        ("in", ["a", "B"], "b", True),
        ("notIn", ["a"], None, True),
        ("in", ["a"], None, False),
        ("like", "*.blob.*", "x", None),
        ("like", "st*", "STlake", True),
        ("like", "a*a", "a", False),
        ("notLike", "*ZRS", "Standard_LRS", True),
        ("match", "##-??", "12-ab", True),
        ("match", "#.", "aa", False),
        ("matchInsensitively", "A#", "a1", True),
        ("notMatch", "#", "1", False),
        ("contains", "able", "DisABLEd", True),
        ("notContains", "x", None, True),
        ("containsKey", "B", {"b": 1}, True),
        ("notContainsKey", "c", {"b": 1}, True),
        ("less", 3, 2, True),
        ("less", "2024-01-01", "2023-05-01-preview", True),
        ("greater", 3, None, False),
        ("greaterOrEquals", 2, 2, True),
        ("lessOrEquals", 2, 3, False),
        ("exists", "false", "", False),
        ("exists", True, None, False),
        ("exists", "False", None, True),
    ],
)
def test_conditions(operator: str, wanted: Any, value: Any, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(RuleError, match="like takes one"):
            on_access(operator, wanted, value)
    else:
        assert on_access(operator, wanted, value) is expected


def test_numbers_and_texts_are_not_compared() -> None:
    with pytest.raises(RuleError, match="less cannot compare 'two' with '3'"):
        on_access("less", 3, "two")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"access": UNKNOWN}, "properties.access is known only once it is made"),
        ({"access": f"https://{UNKNOWN}/"}, "properties.access is known only once it is made"),
        ({"access": SECRET}, "properties.access is a secret"),
    ],
)
def test_a_condition_on_what_a_plan_does_not_know_is_neither_true_nor_false(body: Any, expected: str) -> None:
    asked = {"field": ACCESS, "equals": "x"}
    assert truth(asked, subject(body)) == Undecided(expected)
    assert truth({"not": asked}, subject(body)) == Undecided(expected)
    assert truth({"allOf": [asked, {"field": f"{TYPE}/days", "exists": True}]}, subject(body)) is False
    assert truth({"anyOf": [asked, {"field": f"{TYPE}/days", "exists": False}]}, subject(body)) is True


def test_what_stands_behind_a_false_part_is_not_looked_at() -> None:
    fails = {"value": f"[split(field('{ACCESS}'), '/')[5]]", "equals": "x"}
    assert truth({"allOf": [{"field": ACCESS, "exists": False}, fails]}, subject({"access": "a"})) is False
    assert truth({"anyOf": [{"field": ACCESS, "exists": True}, fails]}, subject({"access": "a"})) is True
    with pytest.raises(RuleError, match="has no element 5"):
        truth({"anyOf": [fails, {"field": ACCESS, "exists": True}]}, subject({"access": "a"}))


def test_a_text_with_an_unknown_part_exists() -> None:
    assert truth({"field": ACCESS, "exists": True}, subject({"access": f"https://{UNKNOWN}/"})) is True


def test_every_element_must_meet_a_condition_and_none_does() -> None:
    asked = {"field": f"{RULE}.value", "like": "10.*"}
    assert truth(asked, subject({"rules": [{"value": "10.1"}, {"value": "10.2"}]})) is True
    assert truth(asked, subject({"rules": [{"value": "10.1"}, {"value": "8.8"}]})) is False
    assert truth(asked, subject({"rules": []})) is True
    assert truth(asked, subject({})) is True
    assert truth(asked, subject({"rules": [{"value": UNKNOWN}, {"value": "8.8"}]})) is False
    assert isinstance(truth(asked, subject({"rules": UNKNOWN})), Undecided)


def test_a_count_reads_the_present_element_only() -> None:
    inner = {"count": {"field": f"{RULE}.ports[*]", "where": {"field": f"{RULE}.ports[*]", "less": 100}}, "greater": 0}
    several = {"count": {"field": RULE, "where": inner}, "equals": 1}
    assert truth(several, subject({"rules": [{"ports": [22, 443]}, {"ports": [443]}, {}]})) is True
    assert truth(
        {"count": {"field": f"{RULE}.ports[*]"}, "equals": 3}, subject({"rules": [{"ports": [1, 2]}, {"ports": [3]}]})
    )
    assert truth({"count": {"field": RULE}, "equals": 0}, subject({})) is True


def test_an_unknown_element_leaves_a_count_open_only_where_it_matters() -> None:
    asked = {"field": RULE, "where": {"field": f"{RULE}.value", "equals": "a"}}
    on = subject({"rules": [{"value": "a"}, {"value": UNKNOWN}]})
    assert truth({"count": asked, "greater": 0}, on) is True
    assert isinstance(truth({"count": asked, "greater": 1}, on), Undecided)


def test_a_count_of_values_names_its_element() -> None:
    where = {"value": "[contains(field('" + ACCESS + "'), current('word'))]", "equals": True}
    counted = {"count": {"value": ["a", "b", "x"], "name": "word", "where": where}, "equals": 2}
    assert truth(counted, subject({"access": "abc"})) is True


def test_standard_fields_and_tags() -> None:
    on = subject({}, kind="V2", tags={"Cost-Center": "ml"}, identity={"type": "UserAssigned"})
    for field, wanted in {
        "name": "a",
        "location": "westeurope",
        "kind": "v2",
        "tags['cost-center']": "ML",
        "tags.cost-center": "ml",
        "[concat('tags[', 'cost-center', ']')]": "ml",
        "identity.type": "UserAssigned",
        "id": on.id,
    }.items():
        assert truth({"field": field, "equals": wanted}, on) is True, field
    assert truth({"field": "tags[owner]", "exists": False}, on) is True


def test_an_alias_of_another_type_is_missing() -> None:
    other = Subject.of(f"{GROUP_ID}/providers/Microsoft.Other/things/a", "1", {"properties": {"access": "x"}})
    context = judgement({"field": ACCESS, "exists": False}, other).context
    assert fields.select(context, ACCESS).values == (({}, None),)
    assert fields.select(context, RULE).values == ()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[[text]", "[text]"),
        ("[concat('it''s ', 3)]", "it's 3"),
        ("[concat(createArray('a'), createArray('b'))]", ["a", "b"]),
        ("[split('a-b.c', createArray('-', '.'))[2]]", "c"),
        ("[length('')]", 0),
        ("[if(equals(1, 1), 'yes', split('a', 'b')[7])]", "yes"),
        ("[and(false(), true())]", False),
        ("[or(false(), true())]", True),
        ("[not(empty(createArray()))]", False),
        ("[coalesce(field('tags[none]'), 'x')]", ""),
        ("[int('7')]", 7),
        ("[string(true())]", "True"),
        ("[requestContext().apiVersion]", "2025-01-01"),
        ("[addDays('2026-03-01T00:00:00Z', 2)]", "2026-03-03T00:00:00.0000000Z"),
        ("[utcNow()]", f"{NOW:%Y-%m-%dT%H:%M:%S}.0000000Z"),
        ("[ipRangeContains('10.0.0.0/8', '10.1.0.0-10.2.0.0')]", True),
        ("[ipRangeContains('10.0.0.0/16', '10.1.0.1')]", False),
        ("[toLower(substring('ABCD', 1, 2))]", "bc"),
        ("[subscription().subscriptionId]", "11111111-2222-3333-4444-555555555555"),
        ("[first(split('a/b', '/'))]", "a"),
    ],
)
def test_template_functions(expression: str, expected: Any) -> None:
    context = judgement({"field": "type", "exists": True}, subject({})).context
    assert template(expression).evaluate(context) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("[split('a', ',')[1]]", "has no element 1"),
        ("[int('x')]", r"int\(\) takes no 'x'"),
        ("[if('yes', 1, 2)]", "'yes' is neither true nor false"),
        ("[ipRangeContains('10.0.0.0/8', '')]", r"ipRangeContains\(\) takes no ''"),
        ("[ipRangeContains('10.0.0.0/8', '::1')]", "cannot compare"),
        ("[greaterOrEquals(1, 'a')]", r"greaterOrEquals\(\) cannot compare"),
        ("[current()]", "stands in no count"),
    ],
)
def test_a_function_that_fails_is_an_error(expression: str, message: str) -> None:
    context = judgement({"field": "type", "exists": True}, subject({})).context
    with pytest.raises(RuleError, match=message):
        template(expression).evaluate(context)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("[resourceGroup().location]", "resourceGroup() asks for rg-a, which is not in this plan"),
        ("[subscription().tags['owner']]", "subscription().tags was not read"),
        ("[parameters('nothing')]", "parameter nothing has no value"),
        ("[concat('a', field('" + ACCESS + "'))]", "properties.access is known only once it is made"),
    ],
)
def test_what_is_not_known_makes_an_expression_unknown(expression: str, reason: str) -> None:
    context = judgement({"field": "type", "exists": True}, subject({"access": UNKNOWN})).context
    assert template(expression).evaluate(context) == Undecided(reason)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"value": "[mystery('x')]", "equals": 1}, r"function mystery\(\) is not known"),
        ({"value": "[utcNow('yyyy')]", "equals": 1}, r"function utcNow\(\) is not known with 1 arguments"),
        ({"value": "[concat('a' 'b')]", "equals": 1}, "',' is missing"),
        ({"field": ACCESS, "resembles": 1}, "condition resembles is not known"),
        ({"field": f"{TYPE}/secret", "equals": 1}, f"field {TYPE}/secret is no alias"),
        ({"value": f"[field('{TYPE}/secret')]", "equals": 1}, f"field {TYPE}/secret is no alias"),
        ({"count": {"field": RULE, "unless": {}}, "equals": 0}, "count with unless is not known"),
        ({"xor": []}, "condition xor is not known"),
        ({"field": ACCESS, "equals": 1, "less": 2}, "one of field, value, count and one operator"),
    ],
)
def test_what_is_not_known_is_refused_by_name_even_behind_a_false_part(rule: Any, message: str) -> None:
    read = definition({"allOf": [{"field": "type", "equals": "Other/type"}, rule]})
    assert read.rule is None
    with pytest.raises(UnknownConstructError, match=message):
        judgement({"allOf": [{"field": "type", "equals": "Other/type"}, rule]}, subject({})).answer()
