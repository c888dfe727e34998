"""Reads and runs mapping-data-flow scripts, as far as this project writes them: what a flow would make of rows.

An expression that names a column, a function or a stream that is not there is an error, as on Azure.
"""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Row = dict[str, Any]
STATEMENT = re.compile(
    r"(?:(?P<streams>[\w@]+(?:, [\w@]+)*) )?(?P<kind>\w+)\((?P<body>.*)\) ~> (?P<name>\w+)(?P<outputs>@\(.*\))?",
    re.DOTALL,
)
NAME = re.compile(
    r"(?P<text>'(?:\\.|[^'\\])*')|\{(?P<braced>[^}]*)\}|(?P<word>[A-Za-z_]\w*)(?P<call>\s*\()?"
    r"|(?P<operator>&&|\|\||!(?!=))"
)
OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}
KEYWORDS = {"true": "True", "false": "False", "null": "None"}


@dataclass(frozen=True)
class Statement:
    """One transformation: `streams kind(parts) ~> name`, or `name@(outputs)`."""

    kind: str
    streams: tuple[str, ...]
    parts: tuple[str, ...]
    name: str
    outputs: tuple[str, ...] = ()


def read(lines: Sequence[str]) -> list[Statement]:
    """The statements of a script; `ValueError` where it is none."""
    statements, written = [], ""
    for line in lines:
        written += line + "\n"
        if not re.search(r" ~> \w+(@\(.*\))?$", line):
            continue
        found = STATEMENT.fullmatch(written.strip())
        if found is None or not balanced(found["body"]):
            raise ValueError(f"this is no transformation: {written}")
        streams = tuple((found["streams"] or "").split(", ")) if found["streams"] else ()
        outputs = tuple(found["outputs"][2:-1].split(", ")) if found["outputs"] else ()
        statements.append(Statement(found["kind"], streams, tuple(parts(found["body"])), found["name"], outputs))
        written = ""
    if written.strip():
        raise ValueError(f"nothing is named by: {written}")
    return statements


def balanced(text: str) -> bool:
    bare = re.sub(r"'(?:\\.|[^'\\])*'", "", text)
    return all(bare.count(a) == bare.count(b) for a, b in ("()", "[]", "{}")) and "'" not in bare


def parts(text: str) -> Iterator[str]:
    """A list of arguments, split at the commas that are not inside of anything."""
    depth, start, quoted = 0, 0, False
    for at, letter in enumerate(text):
        if letter == "'" and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "," and not depth:
                yield text[start:at].strip()
                start = at + 1
    if text[start:].strip():
        yield text[start:].strip()


def run(lines: Sequence[str], files: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """What each sink gets, from the rows of each source: texts, as a file has them."""
    streams: dict[str, list[Row]] = {}
    sinks: dict[str, list[Row]] = {}
    for one in read(lines):
        given = [streams[name] for name in one.streams]
        if one.kind == "source":
            streams[one.name] = [{"": row} for row in files[one.name]]
        elif one.kind == "split":
            for output, wanted in zip(one.outputs, (True, False), strict=True):
                streams[f"{one.name}@{output}"] = [row for row in given[0] if bool(value(one.parts[0], row)) is wanted]
        elif one.kind == "sink":
            sinks[one.name] = [without(row, "", "!") for row in given[0]]
        else:
            streams[one.name] = TRANSFORMATIONS[one.kind](one.parts, *given)
    return sinks


def without(row: Row, *names: str) -> Row:
    return {name: kept for name, kept in row.items() if name not in names}


def derive(given: Sequence[str], rows: list[Row]) -> list[Row]:
    made = dict(split_assignment(one) for one in given)
    return [{**row, **{name: value(expression, row) for name, expression in made.items()}} for row in rows]


def select(given: Sequence[str], rows: list[Row]) -> list[Row]:
    names = [one.strip("{}") for one in parts(given[0].removeprefix("mapColumn(").removesuffix(")"))]
    return [{name: row[name] for name in names} | {key: row[key] for key in ("!",) if key in row} for row in rows]


def aggregate(given: Sequence[str], rows: list[Row]) -> list[Row]:
    keys = [one.strip("{}") for one in parts(given[0].removeprefix("groupBy(").removesuffix(")"))]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    made = dict(split_assignment(one) for one in given[1:])
    return [
        dict(zip(keys, group, strict=True)) | {name: counted(expression, members) for name, expression in made.items()}
        for group, members in groups.items()
    ]


def counted(expression: str, rows: list[Row]) -> int:
    if expression == "count()":
        return len(rows)
    condition = expression.removeprefix("countIf(").removesuffix(")")
    return sum(bool(value(condition, row)) for row in rows)


def join(given: Sequence[str], left: list[Row], right: list[Row]) -> list[Row]:
    assert given[1] == "joinType:'left'"
    mine, other = (one.strip("{}") for one in given[0].split(" == "))
    found = {row[other]: row for row in right}
    nothing = dict.fromkeys(right[0]) if right else {}
    return [{**row, **found.get(row[mine], nothing)} for row in left]


def check(given: Sequence[str], rows: list[Row]) -> list[Row]:
    marked: list[set[str]] = [set() for _ in rows]
    for one in given:
        kind, inner = one.split("(", 1)
        expression, _, name, _, _ = parts(inner[:-1])
        if kind == "expectUnique":
            times = Counter(value(expression, row) for row in rows)
            wrong = [times[value(expression, row)] > 1 for row in rows]
        else:
            assert kind == "expectTrue"
            wrong = [value(expression, row) is not True for row in rows]
        for row, is_wrong in zip(marked, wrong, strict=True):
            row |= {name.strip("'")} if is_wrong else set()
    return [{**row, "!": errors} for row, errors in zip(rows, marked, strict=True)]


TRANSFORMATIONS: dict[str, Callable[..., list[Row]]] = {
    "aggregate": aggregate,
    "assert": check,
    "derive": derive,
    "join": join,
    "select": select,
}


def split_assignment(text: str) -> tuple[str, str]:
    name, expression = text.split(" = ", 1)
    return name.strip("{}"), expression


def value(expression: str, row: Row) -> Any:
    """An expression's value in a row; what is computed from null is null."""
    try:
        return compiled(expression)(row)
    except TypeError:
        return None


@cache
def compiled(expression: str) -> Callable[[Row], Any]:
    """Python for an expression."""

    def python(found: re.Match[str]) -> str:
        if found["text"]:
            return repr(found["text"][1:-1].replace("\\'", "'").replace("\\\\", "\\"))
        if found["operator"]:
            return OPERATORS[found["operator"]]
        word = found["braced"] or found["word"]
        if found["call"]:
            return f"f_{word}(row, " if word in OF_THE_ROW else f"f_{word}("
        return KEYWORDS.get(word) or f"row[{word!r}]"

    functions = {f"f_{name}": made for name, made in {**FUNCTIONS, **OF_THE_ROW}.items()}
    made: Callable[[Row], Any] = eval(f"lambda row: {NAME.sub(python, expression).strip()}", functions)
    return made


def to_double(text: Any) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def to_date(text: str | None, form: str) -> datetime.date | None:
    assert form == "yyyy-MM-dd"
    try:
        return None if text is None else datetime.date.fromisoformat(text)
    except ValueError:
        return None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": lambda *texts: "".join(texts),
    "dayOfMonth": lambda day: None if day is None else day.day,
    "floor": math.floor,
    "iif": lambda condition, yes, no: yes if condition else no,
    "in": lambda values, one: one in values,
    "isNull": lambda one: one is None,
    "month": lambda day: None if day is None else day.month,
    "toDate": to_date,
    "toDouble": to_double,
    "toInteger": int,
    "toString": lambda one: None if one is None else str(one),
    "trim": str.strip,
    "year": lambda day: None if day is None else day.year,
}
OF_THE_ROW: dict[str, Callable[..., Any]] = {
    "byName": lambda row, name: row[""].get(name),
    "hasError": lambda row, name: name in row["!"],
    "isError": lambda row: bool(row["!"]),
}
