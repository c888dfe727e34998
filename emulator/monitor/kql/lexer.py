"""A query as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.monitor.kql.errors import Position, QueryError, syntax_error
from emulator.monitor.kql.types import MICROSECONDS

UNITS = {
    **dict.fromkeys(("d", "day", "days"), 86_400 * MICROSECONDS),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600 * MICROSECONDS),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60 * MICROSECONDS),
    **dict.fromkeys(("s", "sec", "second", "seconds"), MICROSECONDS),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1_000),
    **dict.fromkeys(("microsecond", "microseconds"), 1),
}
"""Units of timespan literals, in microseconds."""
NEGATABLE = (
    *("in~", "in", "contains_cs", "contains", "has_cs", "has"),
    *("startswith_cs", "startswith", "endswith_cs", "endswith", "between"),
)
"""Words that may follow `!`, the longer before the shorter."""
PATTERN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<datetime>datetime\s*\(\s*(?![A-Za-z_(])[^)]*\))"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?P<unit>[A-Za-z]+)?)"
    r"|(?P<verbatim>@(?:\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'))"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    rf"|(?P<word>!(?:{'|'.join(NEGATABLE)})(?![A-Za-z0-9_~])|in~)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<symbol>==|!=|=~|!~|<=|>=|\.\.|[|()\[\],.=<>+\-*/%;])",
    re.ASCII,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", '"': '"', "'": "'"}
HIGHEST_LONG = 2**63 - 1


@dataclass(frozen=True)
class Token:
    """`kind` is name, word, symbol, string, long, real, timespan, datetime or end; `value` is what a literal means."""

    kind: str
    text: str
    position: Position
    start: int
    value: str | int | float = ""


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a query, the last of kind `end`.

    Raises:
        QueryError: a character or literal that Kusto does not know.
    """
    at, line, line_start = 0, 1, 0
    while at < len(text):
        position = Position(line, at - line_start)
        found = PATTERN.match(text, at)
        if found is None:
            raise syntax_error(text[at], position)
        if found.lastgroup != "space":
            yield token(found, position, at)
        inside = found.group()
        line += inside.count("\n")
        if "\n" in inside:
            line_start = at + inside.rindex("\n") + 1
        at = found.end()
    yield Token("end", "<end>", Position(line, at - line_start), at)


def token(found: re.Match[str], position: Position, start: int) -> Token:
    """One token with its value."""
    text = found.group()
    if found["number"]:
        return number(text, found["unit"] or "", position, start)
    if found["string"]:
        return Token("string", text, position, start, unescaped(text[1:-1], position))
    if found["verbatim"]:
        quote = text[1]
        return Token("string", text, position, start, text[2:-1].replace(quote * 2, quote))
    if found["datetime"]:
        inside = text[text.index("(") + 1 : -1].strip().strip("\"'")
        return Token("datetime", text, position, start, moment(inside, text, position))
    return Token(found.lastgroup or "", text, position, start, text)


def number(text: str, unit: str, position: Position, start: int) -> Token:
    """A long, a real, or a timespan such as `5m`."""
    digits = text.removesuffix(unit)
    if unit:
        if unit not in UNITS:
            raise syntax_error(text, position, "a number, or a timespan such as 5m or 1h")
        return Token("timespan", text, position, start, round(float(digits) * UNITS[unit]))
    if digits.isdecimal():
        if int(digits) > HIGHEST_LONG:
            raise syntax_error(text, position, "a number of at most 64 bits")
        return Token("long", text, position, start, int(digits))
    return Token("real", text, position, start, float(digits))


def unescaped(text: str, position: Position) -> str:
    """The content of a quoted string."""

    def one(found: re.Match[str]) -> str:
        if found["code"]:
            return chr(int(found["code"], 16))
        try:
            return ESCAPES[found["letter"]]
        except KeyError:
            raise syntax_error(found.group(), position, "a known escape in a string") from None

    return re.sub(r"\\(?:u(?P<code>[0-9a-fA-F]{4})|(?P<letter>.))", one, text)


def moment(text: str, whole: str, position: Position) -> int:
    """A date and time in microseconds since 1970; without a zone it is UTC."""
    try:
        return microseconds(text)
    except ValueError:
        raise syntax_error(whole, position, "a date such as datetime(2030-01-31T12:00:00Z)") from None


def microseconds(text: str) -> int:
    """ISO 8601 as microseconds since 1970; a seventh digit of the second is cut.

    Raises:
        ValueError: it is no date.
    """
    parsed = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    moment = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * MICROSECONDS + since.microseconds


__all__ = ["QueryError", "Token", "microseconds", "tokens"]
