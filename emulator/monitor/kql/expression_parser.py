"""Expressions, by precedence: or, and, comparison, sum, product, sign, member."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from emulator.monitor.kql.errors import QueryError, syntax_error, unsupported
from emulator.monitor.kql.lexer import Token
from emulator.monitor.kql.syntax import Between, Binary, Call, Expression, Literal, Member, Membership, Name, Negation
from emulator.monitor.kql.types import BOOL, DATETIME, LONG, REAL, STRING, TIMESPAN

DEEPEST = 50
COMPARISONS = frozenset({"==", "!=", "=~", "!~", "<", "<=", ">", ">="})
WORDS = frozenset(
    {"contains", "contains_cs", "has", "has_cs", "startswith", "startswith_cs", "endswith", "endswith_cs"}
)
TEXT_OPERATORS = WORDS | {f"!{word}" for word in WORDS}
LITERALS = {"string": STRING, "long": LONG, "real": REAL, "timespan": TIMESPAN, "datetime": DATETIME}
TRUTHS = {"true": 1, "false": 0}
OTHER_WORDS = frozenset({"matches", "has_any", "has_all", "hasprefix", "hassuffix", "hasprefix_cs", "hassuffix_cs"})
Item = TypeVar("Item")


class ExpressionParser:
    """Walks over the tokens of a query."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    # -- tokens

    @property
    def current(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._at]

    def following(self) -> Token:
        """The one after it."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def adjacent(self) -> bool:
        """Whether the next token has no space before and after it."""
        before, here, after = self._tokens[self._at - 1], self.current, self.following()
        return before.start + len(before.text) == here.start and here.start + len(here.text) == after.start

    def advance(self) -> Token:
        """Takes the next token."""
        token = self.current
        if token.kind == "end":
            raise self.unexpected("more")
        self._at += 1
        return token

    def accept(self, text: str) -> bool:
        """Takes the next token if it is this word or symbol."""
        if self.current.text != text or self.current.kind == "string":
            return False
        self._at += 1
        return True

    def expect(self, text: str) -> None:
        """Takes a word or symbol that has to be there."""
        if not self.accept(text):
            raise self.unexpected(f"'{text}'")

    def unexpected(self, expected: str) -> QueryError:
        """The error of the next token."""
        return syntax_error(self.current.text, self.current.position, f"expected {expected}")

    def name(self, what: str) -> Name:
        """A name that has to be there."""
        if self.current.kind != "name":
            raise self.unexpected(what)
        token = self.advance()
        return Name(token.position, token.text)

    def listed(self, item: Callable[[], Item]) -> list[Item]:
        """`item, item, …`."""
        found = [item()]
        while self.accept(","):
            found.append(item())
        return found

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Bounds how deep expressions nest."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise syntax_error(self.current.text, self.current.position, f"expressions nest at most {DEEPEST} deep")
        yield
        self._depth -= 1

    # -- expressions

    def expression(self) -> Expression:
        """Any expression."""
        with self.deeper():
            return self.chain(("or",), lambda: self.chain(("and",), self.comparison))

    def chain(self, operators: tuple[str, ...], operand: Callable[[], Expression]) -> Expression:
        """Operands joined by operators of one precedence, from the left."""
        left = operand()
        while self.current.text in operators and self.current.kind in ("name", "symbol"):
            token = self.advance()
            left = Binary(token.position, token.text, left, operand())
        return left

    def comparison(self) -> Expression:
        """A sum, compared with another or with a list."""
        left = self.sum()
        token = self.current
        if token.text in COMPARISONS or (token.text in TEXT_OPERATORS and token.kind in ("name", "word")):
            self.advance()
            return Binary(token.position, token.text, left, self.sum())
        if token.text in ("in", "in~", "!in", "!in~") and token.kind in ("name", "word"):
            self.advance()
            self.expect("(")
            members = tuple(self.listed(self.expression))
            self.expect(")")
            return Membership(token.position, token.text, left, members)
        if token.text in ("between", "!between") and token.kind in ("name", "word"):
            return self.between(left)
        if token.kind == "name" and token.text in OTHER_WORDS:
            raise unsupported("operator", token.text, token.position)
        return left

    def between(self, left: Expression) -> Expression:
        """`between (low .. high)`."""
        token = self.advance()
        self.expect("(")
        low = self.sum()
        self.expect("..")
        high = self.sum()
        self.expect(")")
        return Between(token.position, token.text, left, low, high)

    def sum(self) -> Expression:
        """Sums and differences of products."""
        return self.chain(("+", "-"), lambda: self.chain(("*", "/", "%"), self.signed))

    def signed(self) -> Expression:
        """A member, perhaps negated."""
        token = self.current
        if token.kind == "symbol" and token.text == "-":
            self.advance()
            with self.deeper():
                return Negation(token.position, self.signed())
        return self.member()

    def member(self) -> Expression:
        """A primary with its properties."""
        value = self.primary()
        while True:
            token = self.current
            if token.kind == "symbol" and self.accept("."):
                value = Member(token.position, value, self.name("a property").name)
            elif token.kind == "symbol" and self.accept("["):
                key = self.advance()
                if key.kind not in ("string", "long"):
                    raise syntax_error(key.text, key.position, 'expected a property in quotes, as in ["name"]')
                self.expect("]")
                value = Member(token.position, value, key.value if isinstance(key.value, int) else str(key.value))
            else:
                return value

    def primary(self) -> Expression:
        """A literal, a name, a call, or an expression in parentheses."""
        token = self.advance()
        if token.kind in LITERALS:
            return Literal(token.position, token.value, LITERALS[token.kind])
        if token.kind == "symbol" and token.text == "(":
            inside = self.expression()
            self.expect(")")
            return inside
        if token.kind != "name":
            raise syntax_error(token.text, token.position, "expected an expression")
        if token.text in TRUTHS:
            return Literal(token.position, TRUTHS[token.text], BOOL)
        if self.accept("("):
            arguments = () if self.current.text == ")" else tuple(self.listed(self.expression))
            self.expect(")")
            return Call(token.position, token.text, arguments)
        return Name(token.position, token.text)
