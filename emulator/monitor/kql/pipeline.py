"""A query as one SQLite statement: each operator is a common table expression over the one before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emulator.monitor.kql.aggregates import expanded
from emulator.monitor.kql.errors import Position, QueryError, semantic_error, unresolved
from emulator.monitor.kql.expressions import value_of
from emulator.monitor.kql.syntax import (
    Call,
    Count,
    Distinct,
    Named,
    Operator,
    Project,
    ProjectAway,
    Query,
    Sort,
    Summarize,
    Take,
    Where,
)
from emulator.monitor.kql.types import BOOL, DYNAMIC, LONG, Type
from emulator.monitor.kql.value import Parameters, Scope, Value, wrong_types


@dataclass(frozen=True)
class Source:
    """A table: the SQL of a select whose columns are called `c0`, `c1`, …, in the order of `columns`."""

    sql: str
    columns: tuple[tuple[str, Type], ...]
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """What SQLite runs, and what its columns are."""

    sql: str
    parameters: Mapping[str, object]
    columns: tuple[tuple[str, Type], ...]


def translate(query: Query, find: Callable[[str], Source | None], now: int, limit: int) -> Statement:
    """The statement of a query; `find` knows the tables, `now` is in microseconds since 1970, `limit` bounds the rows.

    Raises:
        QueryError: the query is refused.
    """
    source = find(query.table.name)
    if source is None:
        raise unresolved("table or column expression", query.table.name, query.table.position)
    try:
        return Pipeline(source, query, now).run(query.operators, limit)
    except RecursionError:
        raise semantic_error("the query is too complex", query.position) from None


class Pipeline:
    """The stages of one statement. `columns` are those one sees; the keys of an order go along unseen."""

    def __init__(self, source: Source, query: Query, now: int) -> None:
        self.parameters = Parameters(dict(source.parameters))
        self.now = now
        self.stages = [source.sql]
        self.columns = {name: Value(f"c{at}", kind, name) for at, (name, kind) in enumerate(source.columns)}
        self.order: list[tuple[str, str]] = []
        self.constants: dict[str, Value] = {}
        self._names = len(source.columns)
        for constant in query.constants:
            scope = Scope({}, self.constants, self.parameters, now)
            self.constants[constant.name] = replace(value_of(constant.expression, scope), name=constant.name)

    def run(self, operators: Iterable[Operator], limit: int) -> Statement:
        """All operators, then the rows that one sees."""
        kinds: dict[type, Callable[..., None]] = {
            Where: self.where,
            Project: self.project,
            ProjectAway: self.project_away,
            Summarize: self.summarize,
            Distinct: self.distinct,
            Sort: self.sort,
            Take: self.take,
            Count: self.count,
        }
        for operator in operators:
            kinds[type(operator)](operator)
        stages = ", ".join(f"t{at} as ({sql})" for at, sql in enumerate(self.stages))
        columns = ", ".join(value.sql for value in self.columns.values())
        final = f"select {columns} from t{len(self.stages) - 1}{self.ordering()} limit {int(limit)}"  # noqa: S608
        shown = tuple((name, value.type) for name, value in self.columns.items())
        return Statement(f"with {stages} {final}", self.parameters.values, shown)

    # -- operators

    def where(self, operator: Where) -> None:
        """Fewer rows."""
        predicate = value_of(operator.predicate, self.scope())
        if predicate.type != BOOL:
            message = f"'where' operator: the predicate must be bool, not {predicate.type}"
            raise wrong_types(message, operator.position, "where")
        self.stage("*", f" where {predicate.sql}")

    def project(self, operator: Project) -> None:
        """Other columns, or more."""
        values = self.values(operator.columns, self.scope())
        made = {name: self.fresh(value, name) for name, value in values}
        parts = [f"{value.sql} as {made[name].sql}" for name, value in values]
        if operator.extends:
            self.stage(", ".join(["*", *parts]))
            self.columns = {**self.columns, **made}
        else:
            self.stage(", ".join([*parts, *(key for key, _ in self.order)]))
            self.columns = made

    def project_away(self, operator: ProjectAway) -> None:
        """Fewer columns."""
        for one in operator.names:
            if one.name not in self.columns:
                raise unresolved("column", one.name, one.position)
            del self.columns[one.name]
        if not self.columns:
            raise semantic_error("'project-away' operator: no column is left", operator.position, "project-away")

    def summarize(self, operator: Summarize) -> None:
        """One row a group."""
        scope = self.scope()
        groups = self.values(operator.groups, scope)
        self.refuse_dynamic("summarize", groups, operator.position)
        aggregates = self.values(operator.aggregates, replace(scope, grouped=True), taken=[name for name, _ in groups])
        made = {name: self.fresh(value, name) for name, value in (*groups, *aggregates)}
        parts = ", ".join(f"{value.sql} as {made[name].sql}" for name, value in (*groups, *aggregates))
        keys = ", ".join(made[name].sql for name, _ in groups)
        if not parts:
            raise semantic_error("'summarize' operator: nothing to summarize", operator.position, "summarize")
        self.stage(parts, f" group by {keys}" if keys else "")
        self.columns, self.order = made, []

    def distinct(self, operator: Distinct) -> None:
        """Each row once."""
        given = self.values(operator.columns, self.scope()) if operator.columns else list(self.columns.items())
        if operator.columns:
            self.refuse_dynamic("distinct", given, operator.position)
        made = {name: self.fresh(value, name) for name, value in given}
        self.stage("distinct " + ", ".join(f"{value.sql} as {made[name].sql}" for name, value in given))
        self.columns, self.order = made, []

    def sort(self, operator: Sort) -> None:
        """An order, for `take` and for the result."""
        keys, order = [], []
        for key in operator.keys:
            value = value_of(key.expression, self.scope())
            if value.type == DYNAMIC:
                raise wrong_types("'sort' operator: cast the dynamic key, as in tostring()", key.position, "sort")
            column = self.fresh(value, "").sql
            first = (not key.descending) if key.nulls_first is None else key.nulls_first
            words = f"{'desc' if key.descending else 'asc'} nulls {'first' if first else 'last'}"
            keys.append(f"{value.sql} as {column}")
            order.append((column, words))
        self.stage(", ".join(["*", *keys]))
        self.order = order

    def take(self, operator: Take) -> None:
        """At most so many rows."""
        self.stage("*", f"{self.ordering()} limit {int(operator.count)}")

    def count(self, operator: Count) -> None:
        """One row with the number of rows."""
        made = self.fresh(Value("", LONG), "Count")
        self.stage(f"count(*) as {made.sql}")
        self.columns, self.order = {"Count": made}, []

    # -- parts

    def scope(self) -> Scope:
        """What names mean here."""
        return Scope(self.columns, self.constants, self.parameters, self.now)

    def stage(self, columns: str, rest: str = "") -> None:
        """One more select over the last one; both texts are made of our own words, numbers and placeholders."""
        self.stages.append(f"select {columns} from t{len(self.stages) - 1}{rest}")  # noqa: S608

    def ordering(self) -> str:
        """The order that rows have."""
        return " order by " + ", ".join(f"{key} {words}" for key, words in self.order) if self.order else ""

    def fresh(self, value: Value, name: str) -> Value:
        """A new column."""
        self._names += 1
        return Value(f"c{self._names - 1}", value.type, name)

    def values(self, items: Sequence[Named], scope: Scope, taken: Sequence[str] = ()) -> list[tuple[str, Value]]:
        """Expressions with their names; those without one get Kusto's."""
        found: list[tuple[str, Value]] = []
        names = set(taken)
        for item in items:
            for value in self.compiled(item, scope):
                name = item.name or distinct_name(value.name or f"Column{len(found) + 1}", names)
                if item.name and item.name in names:
                    raise semantic_error(f"a column named '{name}' already exists", item.position, name)
                names.add(name)
                found.append((name, value))
        return found

    def compiled(self, item: Named, scope: Scope) -> list[Value]:
        """One expression; `percentiles` are several columns."""
        expression = item.expression
        if scope.grouped and isinstance(expression, Call) and expression.name == "percentiles" and not item.name:
            return expanded(expression, scope, value_of)
        return [value_of(expression, scope)]

    def refuse_dynamic(self, operator: str, values: Sequence[tuple[str, Value]], position: Position) -> None:
        """Kusto groups by no dynamic value."""
        for name, value in values:
            if value.type == DYNAMIC:
                message = f"'{operator}' operator: key '{name}' is of a 'dynamic' type; use an explicit cast"
                raise wrong_types(message, position, name)


def distinct_name(name: str, names: set[str]) -> str:
    """A name that no other column has: Kusto adds a number."""
    candidate, number = name, 0
    while candidate in names:
        number += 1
        candidate = f"{name}{number}"
    return candidate


__all__ = ["QueryError", "Source", "Statement", "translate"]
