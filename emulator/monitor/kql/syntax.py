"""What a query says: its syntax tree."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.monitor.kql.errors import Position
from emulator.monitor.kql.types import Type


@dataclass(frozen=True)
class Node:
    """Any part of a query."""

    position: Position


@dataclass(frozen=True)
class Literal(Node):
    """A constant."""

    value: str | int | float | None
    type: Type


@dataclass(frozen=True)
class Name(Node):
    """A column or a `let` constant."""

    name: str


@dataclass(frozen=True)
class Member(Node):
    """A property of a dynamic value: `customDimensions.version`, `customDimensions["version"]`, `details[0]`."""

    base: Expression
    key: str | int


@dataclass(frozen=True)
class Call(Node):
    """A function or an aggregate."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Negation(Node):
    """Minus a number or a timespan."""

    operand: Expression


@dataclass(frozen=True)
class Binary(Node):
    """Two operands; `operator` as Kusto writes it."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Membership(Node):
    """`in`, `in~`, `!in`, `!in~`."""

    operator: str
    operand: Expression
    members: tuple[Expression, ...]


@dataclass(frozen=True)
class Between(Node):
    """`between (low .. high)`, both ends included, and `!between`."""

    operator: str
    operand: Expression
    low: Expression
    high: Expression


Expression = Literal | Name | Member | Call | Negation | Binary | Membership | Between


@dataclass(frozen=True)
class Named(Node):
    """An expression with the name it is given ("" for none)."""

    name: str
    expression: Expression


@dataclass(frozen=True)
class SortKey(Node):
    """One key of an order; without a word it is descending."""

    expression: Expression
    descending: bool = True
    nulls_first: bool | None = None


@dataclass(frozen=True)
class Where(Node):
    """Rows for which a predicate is true."""

    predicate: Expression


@dataclass(frozen=True)
class Project(Node):
    """`project` or, keeping the columns there are, `extend`."""

    columns: tuple[Named, ...]
    extends: bool


@dataclass(frozen=True)
class ProjectAway(Node):
    """All columns but these."""

    names: tuple[Name, ...]


@dataclass(frozen=True)
class Summarize(Node):
    """Aggregates by groups."""

    aggregates: tuple[Named, ...]
    groups: tuple[Named, ...]


@dataclass(frozen=True)
class Distinct(Node):
    """Distinct rows; no columns stand for `*`."""

    columns: tuple[Named, ...]


@dataclass(frozen=True)
class Sort(Node):
    """An order of the rows."""

    keys: tuple[SortKey, ...]


@dataclass(frozen=True)
class Take(Node):
    """At most so many rows."""

    count: int


@dataclass(frozen=True)
class Count(Node):
    """The number of rows."""


Operator = Where | Project | ProjectAway | Summarize | Distinct | Sort | Take | Count


@dataclass(frozen=True)
class Query(Node):
    """Constants, a table, and the operators that its rows go through."""

    constants: tuple[Named, ...]
    table: Name
    operators: tuple[Operator, ...]
