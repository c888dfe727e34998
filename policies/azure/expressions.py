"""Template expressions inside of rules: `[concat('tags[', parameters('tagName'), ']')]`
(https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from policies.azure.context import Context
from policies.azure.errors import RuleError, UnknownConstructError
from policies.azure.functions import FUNCTIONS, Function
from policies.azure.values import Undecided, get, text

TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<word>[A-Za-z_]\w*)|(?P<mark>[()\[\].,]))")


@dataclass(frozen=True)
class Literal:
    """A value that stands there as it is."""

    value: Any

    def evaluate(self, context: Context) -> Any:
        """The value."""
        return self.value


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    name: str
    """In lower case."""
    function: Function
    arguments: tuple[Expression, ...]

    def evaluate(self, context: Context) -> Any:
        """What the function makes of them."""
        waiting = [_later(one, context) for one in self.arguments]
        return self.function.call(context, waiting)


@dataclass(frozen=True)
class Access:
    """`value.name` or `value[key]`."""

    value: Expression
    key: Expression

    def evaluate(self, context: Context) -> Any:
        """The property, nothing when there is none; or the element.

        Raises:
            RuleError: there is no such element.
        """
        value, key = self.value.evaluate(context), self.key.evaluate(context)
        if isinstance(value, Undecided) or isinstance(key, Undecided):
            return value if isinstance(value, Undecided) else key
        if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            return value[key]
        if value is None or isinstance(value, Mapping):
            return get(value, text(key)) if value else None
        raise RuleError(f"{text(value)!r} has no element {text(key)}")


Expression = Literal | Call | Access


def _later(expression: Expression, context: Context) -> Callable[[], Any]:
    return lambda: expression.evaluate(context)


@dataclass(frozen=True)
class Structure:
    """A list or an object with expressions somewhere inside."""

    value: Any

    def evaluate(self, context: Context) -> Any:
        """The same with their values; `Undecided` when one is."""
        if isinstance(self.value, Mapping):
            parts = {key: inner.evaluate(context) for key, inner in self.value.items()}
            return next((one for one in parts.values() if isinstance(one, Undecided)), parts)
        found = [inner.evaluate(context) for inner in self.value]
        return next((one for one in found if isinstance(one, Undecided)), found)


Template = Expression | Structure


def template(value: Any) -> Template:
    """Reads a value of a rule.

    Raises:
        UnknownConstructError: an expression in it has a function that is not known, or cannot be read.
    """
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        return Literal(value[1:]) if value.startswith("[[") else parse(value[1:-1])
    if isinstance(value, Mapping):
        return Structure({key: template(inner) for key, inner in value.items()})
    return Structure([template(inner) for inner in value]) if isinstance(value, list) else Literal(value)


@lru_cache(maxsize=4096)
def parse(written: str) -> Expression:
    """Reads what stands between the brackets."""
    parser = _Parser(written)
    expression = parser.expression()
    if parser.at < len(parser.tokens):
        raise UnknownConstructError(f"expression [{written}]: unexpected {parser.tokens[parser.at][1]!r}")
    return expression


class _Parser:
    def __init__(self, written: str) -> None:
        self.written = written
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self) -> Sequence[tuple[str, str]]:
        found, at, end = [], 0, len(self.written.rstrip())
        while at < end:
            token = TOKEN.match(self.written, at)
            if token is None:
                raise UnknownConstructError(f"expression [{self.written}]: cannot be read at {self.written[at:]!r}")
            found.append((str(token.lastgroup), str(token[str(token.lastgroup)])))
            at = token.end()
        return found

    def take(self) -> tuple[str, str]:
        """The next token."""
        if self.at == len(self.tokens):
            raise UnknownConstructError(f"expression [{self.written}] ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def next_is(self, mark: str) -> bool:
        """Takes a mark when it comes next."""
        if self.at < len(self.tokens) and self.tokens[self.at] == ("mark", mark):
            self.at += 1
            return True
        return False

    def expect(self, mark: str) -> None:
        """Takes a mark that must come next."""
        if not self.next_is(mark):
            raise UnknownConstructError(f"expression [{self.written}]: {mark!r} is missing")

    def expression(self) -> Expression:
        """One value with what is taken out of it."""
        found = self._value()
        while True:
            if self.next_is("."):
                kind, name = self.take()
                if kind != "word":
                    raise UnknownConstructError(f"expression [{self.written}]: {name!r} is no property")
                found = Access(found, Literal(name))
            elif self.next_is("["):
                found = Access(found, self.expression())
                self.expect("]")
            else:
                return found

    def _value(self) -> Expression:
        kind, token = self.take()
        if kind == "text":
            return Literal(token[1:-1].replace("''", "'"))
        if kind == "number":
            return Literal(int(token))
        if kind != "word":
            raise UnknownConstructError(f"expression [{self.written}]: unexpected {token!r}")
        self.expect("(")
        arguments: list[Expression] = []
        while not self.next_is(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.expression())
        return Call(token.lower(), self._function(token, len(arguments)), tuple(arguments))

    def _function(self, name: str, arguments: int) -> Function:
        function = FUNCTIONS.get(name.lower())
        if function is None:
            raise UnknownConstructError(f"function {name}() is not known")
        if not function.least <= arguments <= function.most:
            raise UnknownConstructError(f"function {name}() is not known with {arguments} arguments")
        return function
