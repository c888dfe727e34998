"""From the JSON of a rule to what can be judged; what is not known is refused by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies.azure import fields
from policies.azure.aliases import Aliases
from policies.azure.errors import UnknownConstructError
from policies.azure.expressions import Access, Call, Literal, Structure, Template, template
from policies.azure.operators import OPERATORS
from policies.azure.rule import (
    AllOf,
    AnyOf,
    Count,
    FieldCondition,
    FieldElements,
    Node,
    Not,
    Operand,
    ValueCondition,
    ValueElements,
)

NAMES = {name.lower(): name for name in OPERATORS}
LOOKED_AT = ("field", "value", "count")


class Reader:
    """Reads the rules of one set of definitions."""

    def __init__(self, aliases: Aliases) -> None:
        self.aliases = aliases
        self.asked: set[str] = set()
        """The fields that were read so far, in lower case; `*` for one by an expression."""

    def node(self, written: Any) -> Node:
        """One part of a rule.

        Raises:
            UnknownConstructError: names what is not known.
        """
        if not isinstance(written, Mapping):
            raise UnknownConstructError(f"a condition is an object, not {written!r}")
        parts = {key.lower(): value for key, value in written.items()}
        if len(parts) == 1 and (key := next(iter(parts))) in ("allof", "anyof"):
            inner = tuple(self.node(one) for one in parts[key])
            return AllOf(inner) if key == "allof" else AnyOf(inner)
        if parts.keys() == {"not"}:
            return Not(self.node(parts["not"]))
        return self._condition(parts)

    def _condition(self, parts: Mapping[str, Any]) -> Node:
        looked_at = [key for key in LOOKED_AT if key in parts]
        asked = [key for key in parts if key in NAMES]
        unknown = [key for key in parts if key not in (*LOOKED_AT, *NAMES)]
        if unknown:
            raise UnknownConstructError(f"condition {unknown[0]} is not known")
        if len(looked_at) != 1 or len(asked) != 1:
            raise UnknownConstructError(f"a condition has one of field, value, count and one operator: {dict(parts)}")
        operand = Operand(NAMES[asked[0]], self.template(parts[asked[0]]))
        if "field" in parts:
            return FieldCondition(self.field(parts["field"]), operand)
        if "value" in parts:
            return ValueCondition(self.template(parts["value"]), operand, str(parts["value"]))
        return self._count({key.lower(): value for key, value in parts["count"].items()}, operand)

    def _count(self, parts: Mapping[str, Any], operand: Operand) -> Count:
        if unknown := [key for key in parts if key not in ("field", "value", "where", "name")]:
            raise UnknownConstructError(f"count with {unknown[0]} is not known")
        where = self.node(parts["where"]) if "where" in parts else None
        if "field" in parts:
            field = str(parts["field"])
            self._require(field)
            return Count(FieldElements(field), where, operand)
        return Count(ValueElements(self.template(parts["value"]), str(parts.get("name", ""))), where, operand)

    def field(self, written: Any) -> Template:
        """The name of a field, as it stands there or by an expression."""
        read = self.template(written)
        if isinstance(read, Literal):
            self._require(str(read.value))
        else:
            self.asked.add("*")
        return read

    def template(self, written: Any) -> Template:
        """A value, whose expressions ask for fields that there are."""
        read = template(written)
        for name in _fields_in(read):
            self._require(name)
        return read

    def _require(self, field: str) -> None:
        fields.require_known(field, self.aliases.find)
        self.asked.add(field.lower())


def _fields_in(read: Template) -> list[str]:
    """The fields that an expression asks for by `field('…')`."""
    if isinstance(read, Call):
        own = [one.value for one in read.arguments if isinstance(one, Literal)] if read.name == "field" else []
        return own + [name for one in read.arguments for name in _fields_in(one)]
    if isinstance(read, Access):
        return _fields_in(read.value) + _fields_in(read.key)
    if isinstance(read, Structure):
        inner = read.value.values() if isinstance(read.value, Mapping) else read.value
        return [name for one in inner for name in _fields_in(one)]
    return []
