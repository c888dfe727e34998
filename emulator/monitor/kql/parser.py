"""A query as a syntax tree: recursive descent over its tokens.

https://learn.microsoft.com/kusto/query/ has the whole language.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.monitor.kql.errors import Position, QueryError, syntax_error, unsupported
from emulator.monitor.kql.expression_parser import ExpressionParser
from emulator.monitor.kql.lexer import tokens
from emulator.monitor.kql.syntax import (
    Count,
    Distinct,
    Expression,
    Name,
    Named,
    Operator,
    Project,
    ProjectAway,
    Query,
    Sort,
    SortKey,
    Summarize,
    Take,
    Where,
)

LONGEST_QUERY = 2_000_000
"""Characters; Azure's limit."""
MOST_OPERATORS = 100
"""SQLite plans longer statements for seconds."""


def parse(text: str) -> Query:
    """Reads a query.

    Raises:
        QueryError: it is not KQL, or a part of KQL that the emulator has not.
    """
    if len(text) > LONGEST_QUERY:
        raise syntax_error(text[:20], Position(1, 0), f"expected at most {LONGEST_QUERY} characters")
    return Parser(list(tokens(text))).query()


class Parser(ExpressionParser):
    """Statements and operators."""

    def query(self) -> Query:
        """`let` constants, a table, operators."""
        start, constants = self.current.position, []
        while self.accept("let"):
            constants.append(self.constant())
        table = self.name("a table")
        if self.current.text == "(" or table.name in ("union", "print", "search", "find", "datatable", "range"):
            raise unsupported("operator", table.name, table.position)
        operators: list[Operator] = []
        while self.accept("|"):
            operators += self.operator()
            if len(operators) > MOST_OPERATORS:
                raise self.unexpected(f"at most {MOST_OPERATORS} operators")
        self.accept(";")
        if self.current.kind != "end":
            raise self.unexpected("the end of the query or '|'")
        return Query(start, tuple(constants), table, tuple(operators))

    def constant(self) -> Named:
        """`let name = expression;`."""
        name = self.name("a name after let")
        self.expect("=")
        expression = self.expression()
        if self.current.text == "|":
            raise unsupported("a table in let", name.name, name.position)
        self.expect(";")
        return Named(name.position, name.name, expression)

    def operator(self) -> list[Operator]:
        """One operator between pipes."""
        word = self.name("an operator")
        name = word.name
        while self.current.text == "-" and self.adjacent():
            self.advance()
            name += "-" + self.name("an operator").name
        kinds: dict[str, Callable[[Name], list[Operator]]] = {
            "where": self.where,
            "filter": self.where,
            "project": self.project,
            "extend": self.project,
            "project-away": self.project_away,
            "summarize": self.summarize,
            "distinct": self.distinct,
            "sort": self.sort,
            "order": self.sort,
            "top": self.top,
            "take": self.take,
            "limit": self.take,
            "count": self.count,
        }
        if name not in kinds:
            raise unsupported("operator", name, word.position)
        return kinds[name](word)

    def where(self, word: Name) -> list[Operator]:
        """`where predicate`."""
        return [Where(word.position, self.expression())]

    def project(self, word: Name) -> list[Operator]:
        """`project` and `extend`."""
        return [Project(word.position, self.named_list(), extends=word.name == "extend")]

    def project_away(self, word: Name) -> list[Operator]:
        """`project-away a, b`."""
        return [ProjectAway(word.position, tuple(self.listed(lambda: self.name("a column"))))]

    def summarize(self, word: Name) -> list[Operator]:
        """`summarize aggregates by groups`, either of them left out."""
        aggregates = () if self.current.text == "by" else self.named_list()
        groups = self.named_list() if self.accept("by") else ()
        return [Summarize(word.position, aggregates, groups)]

    def distinct(self, word: Name) -> list[Operator]:
        """`distinct a, b` or `distinct *`."""
        return [Distinct(word.position, () if self.accept("*") else self.named_list())]

    def sort(self, word: Name) -> list[Operator]:
        """`sort by key asc, key`."""
        self.expect("by")
        return [Sort(word.position, tuple(self.listed(self.sort_key)))]

    def top(self, word: Name) -> list[Operator]:
        """`top n by key`."""
        count = self.whole_number()
        self.expect("by")
        keys = tuple(self.listed(self.sort_key))
        return [Sort(word.position, keys), Take(word.position, count)]

    def take(self, word: Name) -> list[Operator]:
        """`take n`."""
        return [Take(word.position, self.whole_number())]

    def count(self, word: Name) -> list[Operator]:
        """`count`."""
        return [Count(word.position)]

    # -- parts

    def sort_key(self) -> SortKey:
        """An expression with `asc` or `desc`, and `nulls first` or `nulls last`."""
        expression = self.expression()
        descending = not self.accept("asc")
        if descending:
            self.accept("desc")
        nulls_first: bool | None = None
        if self.accept("nulls"):
            nulls_first = self.accept("first")
            if not nulls_first:
                self.expect("last")
        return SortKey(expression.position, expression, descending, nulls_first)

    def named_list(self) -> tuple[Named, ...]:
        """`name = expression, expression, …`."""
        return tuple(self.listed(self.named))

    def named(self) -> Named:
        """An expression, perhaps with a name."""
        position = self.current.position
        if self.current.kind == "name" and self.following().text == "=":
            name = self.name("a column").name
            self.expect("=")
            return Named(position, name, self.expression())
        expression: Expression = self.expression()
        return Named(position, "", expression)

    def whole_number(self) -> int:
        """The count of `take` and `top`."""
        token = self.advance()
        if token.kind != "long":
            raise syntax_error(token.text, token.position, "a whole number")
        return int(token.value)


__all__ = ["QueryError", "parse"]
