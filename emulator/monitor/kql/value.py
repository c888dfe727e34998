"""What an expression becomes: SQL with a type. No text of a query is ever part of the SQL: names become numbers,
constants parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.monitor.kql.errors import Position, QueryError, semantic_error
from emulator.monitor.kql.types import Type


@dataclass(frozen=True)
class Value:
    """SQL of a type; `name` is what Kusto calls the column when the query gives it no name ("" for none)."""

    sql: str
    type: Type
    name: str = ""


@dataclass
class Parameters:
    """The constants of one statement."""

    values: dict[str, Any] = field(default_factory=dict)

    def add(self, value: Any) -> str:
        """The placeholder of a constant."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


@dataclass(frozen=True)
class Scope:
    """What names mean: columns, then constants. `now` is the time of the query in microseconds since 1970;
    `grouped` holds what an expression beside aggregates may use.
    """

    columns: Mapping[str, Value]
    constants: Mapping[str, Value]
    parameters: Parameters
    now: int
    grouped: bool = False


def wrong_types(message: str, position: Position, token: str) -> QueryError:
    """SEM0064 and its like: operands that do not go together."""
    error = semantic_error(message, position, token)
    error.code = "SEM0064"
    return error
