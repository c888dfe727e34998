"""Conditions of role assignments: what a role is good for, where that is not everything.

Azure's language of conditions, version 2.0, as far as it is used to say which roles somebody may give, and to whom:
https://learn.microsoft.com/azure/role-based-access-control/conditions-format and
https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from emulator.errors import unsupported
from emulator.roles import matches

NO_ATTRIBUTES: Mapping[str, str] = {}
TOKEN = re.compile(
    r"""\s*(?:
        (?P<bracket>[()]) | (?P<not>!|NOT\b) | (?P<and>AND\b|&&) | (?P<or>OR\b|\|\|)
        | ActionMatches\{'(?P<action>[^']*)'\}
        | @(?P<source>Request|Resource)\[(?P<attribute>[^\]]+)\]\s*(?P<operator>[A-Z:]+)\s*\{(?P<values>[^}]*)\}
    )\s*""",
    re.IGNORECASE | re.VERBOSE,
)
AMONG = frozenset({"foranyofanyvalues:guidequals", "foranyofanyvalues:stringequalsignorecase"})
NOT_AMONG = frozenset({"foranyofallvalues:guidnotequals", "foranyofallvalues:stringnotequalsignorecase"})
"""Operators on attributes that have one value."""


@dataclass(frozen=True)
class Question:
    """What is asked: an action, and the attributes of the request and of the resource by `source:name` in lower case,
    such as `request:microsoft.authorization/roleassignments:roledefinitionid`.
    """

    action: str
    attributes: Mapping[str, str]


Condition = Callable[[Question], bool]


@cache
def read_condition(text: str) -> Condition:
    """The condition that a text says.

    Raises:
        ServiceError: 501 for what is not understood here.
    """
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise unsupported(f"The condition of a role assignment from '{text[at : at + 60]}' on")
        tokens.append(found)
        at = found.end()
    reader = Reader(tokens)
    condition = reader.any_of()
    if reader.rest:
        raise unsupported(f"The condition of a role assignment from '{reader.rest[0][0].strip()}' on")
    return condition


class Reader:
    """Reads a condition from left to right; `AND` binds more than `OR`."""

    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self.rest = tokens

    def any_of(self) -> Condition:
        """Conditions with `OR` between them."""
        found = [self.all_of()]
        while self._next("or"):
            found.append(self.all_of())
        return lambda question: any(one(question) for one in found)

    def all_of(self) -> Condition:
        """Conditions with `AND` between them."""
        found = [self.one()]
        while self._next("and"):
            found.append(self.one())
        return lambda question: all(one(question) for one in found)

    def one(self) -> Condition:
        """One comparison, its opposite, or what is in brackets."""
        if self._next("not"):
            inner = self.one()
            return lambda question: not inner(question)
        token = self.rest.pop(0) if self.rest else None
        if token and token[0].strip() == "(":
            condition = self.any_of()
            token = self.rest.pop(0) if self.rest else None
            if token and token[0].strip() == ")":
                return condition
        elif token and token["action"] is not None:
            pattern = (token["action"],)
            return lambda question: matches(pattern, question.action)
        elif token and token["attribute"]:
            return compared(token)
        raise unsupported(f"The condition of a role assignment at '{token[0].strip() if token else 'its end'}'")

    def _next(self, kind: str) -> bool:
        if self.rest and self.rest[0][kind]:
            self.rest.pop(0)
            return True
        return False


def compared(token: re.Match[str]) -> Condition:
    """Whether an attribute is among some values, or is not; one that is not there is neither."""
    name, operator = f"{token['source']}:{token['attribute']}".lower(), token["operator"].lower()
    values = {one.strip().strip("'").lower() for one in token["values"].split(",")}
    if operator not in AMONG | NOT_AMONG:
        raise unsupported(f"The operator '{token['operator']}' in the condition of a role assignment")

    def holds(question: Question) -> bool:
        value = question.attributes.get(name)
        return value is not None and (value.lower() in values) == (operator in AMONG)

    return holds
