"""The conditions of the language: each compares what was found with what a rule asks for
(https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule#conditions).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from policies.azure.errors import RuleError
from policies.azure.values import folded, get, text

Operator = Callable[[Any, Any], bool]


def equals(found: Any, wanted: Any) -> bool:
    """As texts without regard to case: `true`, `"True"` and `"true"` are the same."""
    return folded(found) == folded(wanted)


def is_in(found: Any, wanted: Any) -> bool:
    """Whether a list has it."""
    return any(equals(found, one) for one in listed(wanted, "in"))


def listed(value: Any, name: str) -> list[Any]:
    """A list.

    Raises:
        RuleError: it is none.
    """
    if not isinstance(value, list):
        raise RuleError(f"{name} compares with a list, not with {text(value)!r}")
    return value


def like(found: Any, wanted: Any) -> bool:
    """One `*` stands for any text.

    Raises:
        RuleError: there are several.
    """
    pattern = folded(wanted)
    if pattern.count("*") > 1:
        raise RuleError(f"like takes one *, not {text(wanted)!r}")
    if "*" not in pattern:
        return folded(found) == pattern
    before, after = pattern.split("*")
    value = folded(found)
    return len(value) >= len(before) + len(after) and value.startswith(before) and value.endswith(after)


def match(found: Any, wanted: Any) -> bool:
    """Character by character: `#` is a digit, `?` a letter, `.` any."""
    value, pattern = text(found), text(wanted)
    return len(value) == len(pattern) and all(map(_fits, value, pattern))


def _fits(character: str, pattern: str) -> bool:
    if pattern == "#":
        return character.isdigit()
    return character.isalpha() if pattern == "?" else pattern in (".", character)


def contains(found: Any, wanted: Any) -> bool:
    """A part of a text, or an element of a list."""
    if isinstance(found, list):
        return any(equals(one, wanted) for one in found)
    return folded(wanted) in folded(found)


def contains_key(found: Any, wanted: Any) -> bool:
    """Whether an object has a property."""
    return isinstance(found, Mapping) and get(found, text(wanted)) is not None


def exists(found: Any, wanted: Any) -> bool:
    """Whether there is a value, be it empty; or, asked with false, whether there is none."""
    return (found is not None) == (folded(wanted) == "true")


def ordered(compare: Callable[[Any, Any], bool], name: str) -> Operator:
    """Numbers by value, texts without regard to case; nothing is neither more nor less."""

    def compared(found: Any, wanted: Any) -> bool:
        if found is None:
            return False
        if _is_number(found) and _is_number(wanted):
            return compare(found, wanted)
        if isinstance(found, str) and isinstance(wanted, str):
            return compare(found.casefold(), wanted.casefold())
        raise RuleError(f"{name} cannot compare {text(found)!r} with {text(wanted)!r}")

    return compared


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def inverted(asked: Operator) -> Operator:
    """The condition that holds when this one does not."""
    return lambda found, wanted: not asked(found, wanted)


OPERATORS: Mapping[str, Operator] = {
    "equals": equals,
    "notEquals": inverted(equals),
    "like": like,
    "notLike": inverted(like),
    "match": match,
    "notMatch": inverted(match),
    "matchInsensitively": lambda found, wanted: match(folded(found), folded(wanted)),
    "notMatchInsensitively": lambda found, wanted: not match(folded(found), folded(wanted)),
    "contains": contains,
    "notContains": inverted(contains),
    "in": is_in,
    "notIn": inverted(is_in),
    "containsKey": contains_key,
    "notContainsKey": inverted(contains_key),
    "less": ordered(operator.lt, "less"),
    "lessOrEquals": ordered(operator.le, "lessOrEquals"),
    "greater": ordered(operator.gt, "greater"),
    "greaterOrEquals": ordered(operator.ge, "greaterOrEquals"),
    "exists": exists,
}
OPPOSITES: Mapping[str, str] = {
    "exists": "notExists",
    "less": "greaterOrEquals",
    "greater": "lessOrEquals",
    "lessOrEquals": "greater",
    "greaterOrEquals": "less",
    **{name: f"not{name[0].upper()}{name[1:]}" for name in ("equals", "like", "match", "contains", "in")},
    "matchInsensitively": "notMatchInsensitively",
    "containsKey": "notContainsKey",
}
