"""Kusto's scalar types, and how SQLite holds their values.

A `datetime` is an integer, microseconds since 1970; a `timespan` an integer, microseconds; a `bool` 0 or 1; a
`dynamic` its JSON text. A `string` is never null.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Type:
    """A scalar type by the name that the query API gives it."""

    name: str
    sqlite: str

    def __str__(self) -> str:
        return self.name


STRING = Type("string", "text")
LONG = Type("long", "integer")
INT = Type("int", "integer")
REAL = Type("real", "real")
BOOL = Type("bool", "integer")
DATETIME = Type("datetime", "integer")
TIMESPAN = Type("timespan", "integer")
DYNAMIC = Type("dynamic", "text")
NUMBERS = (LONG, INT, REAL)
MICROSECONDS = 1_000_000


def number_type(left: Type, right: Type) -> Type:
    """The type of arithmetic on two numbers."""
    if REAL in (left, right):
        return REAL
    return LONG if LONG in (left, right) else INT
