"""The functions of one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emulator.monitor.kql.errors import semantic_error, unsupported
from emulator.monitor.kql.syntax import Call
from emulator.monitor.kql.types import (
    BOOL,
    DATETIME,
    DYNAMIC,
    INT,
    LONG,
    NUMBERS,
    REAL,
    STRING,
    TIMESPAN,
    Type,
    number_type,
)
from emulator.monitor.kql.value import Scope, Value, wrong_types

INSTANTS = (DATETIME, TIMESPAN)


def require(node: Call) -> None:
    """Refuses a function that the emulator has not."""
    if node.name not in CONVERSIONS and node.name not in FUNCTIONS:
        raise unsupported("function", node.name, node.position)


def call(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """The value of a call whose arguments are known."""
    if node.name in CONVERSIONS:
        (value,) = counted(node, arguments, 1, 1)
        return converted(value, CONVERSIONS[node.name], node)
    return FUNCTIONS[node.name](node, arguments, scope)


def counted(node: Call, arguments: Sequence[Value], least: int, most: int) -> Sequence[Value]:
    """The arguments, when there are as many as the function takes."""
    if least <= len(arguments) <= most:
        return arguments
    wanted = str(least) if least == most else f"{least} to {most}"
    raise semantic_error(f"{node.name}(): expects {wanted} argument(s), got {len(arguments)}", node.position, node.name)


def text(value: Value) -> str:
    """SQL of `tostring`."""
    return value.sql if value.type == STRING else f"kql_text({value.sql}, '{value.type.name}')"


def converted(value: Value, target: Type, node: Call) -> Value:
    """`tostring`, `toint` and their like."""
    if value.type == target and target != DYNAMIC:
        return value
    loose = value.type in (STRING, DYNAMIC)
    if target == STRING:
        return Value(text(value), STRING, value.name)
    if target in (INT, LONG) and (loose or value.type in (*NUMBERS, BOOL)):
        bits = 31 if target == INT else 63
        sql = f"kql_whole({value.sql}, {bits})" if loose else f"cast({value.sql} as integer)"
        return Value(sql, target, value.name)
    if target == REAL and (loose or value.type in (*NUMBERS, BOOL)):
        return Value(f"kql_real({value.sql})" if loose else f"cast({value.sql} as real)", REAL, value.name)
    if target == BOOL and (loose or value.type in NUMBERS):
        return Value(f"kql_truth({value.sql})" if loose else f"({value.sql} <> 0)", BOOL, value.name)
    if target == DATETIME and loose:
        return Value(f"kql_moment({value.sql})", DATETIME, value.name)
    raise wrong_types(f"{node.name}(): cannot convert {value.type}", node.position, node.name)


def ago(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """`ago(5m)`."""
    (span,) = counted(node, arguments, 1, 1)
    return Value(f"({scope.parameters.add(scope.now)} - {typed(node, span, TIMESPAN).sql})", DATETIME)


def now(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """`now()` and `now(-5m)`: one time for the whole query."""
    counted(node, arguments, 0, 1)
    sql = scope.parameters.add(scope.now)
    return Value(f"({sql} + {typed(node, arguments[0], TIMESPAN).sql})" if arguments else sql, DATETIME)


def bin_(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """`bin(timestamp, 1m)`, `floor`."""
    value, size = counted(node, arguments, 2, 2)
    if value.type in INSTANTS:
        typed(node, size, TIMESPAN)
    elif value.type not in NUMBERS or size.type not in NUMBERS:
        raise wrong_types(f"{node.name}(): cannot round {value.type} to {size.type}", node.position, node.name)
    if REAL in (value.type, size.type):
        return Value(f"kql_floor({value.sql}, {size.sql})", REAL, value.name)
    sql = f"({value.sql} - ((({value.sql} % {size.sql}) + {size.sql}) % {size.sql}))"
    return Value(sql, value.type, value.name)


def choice(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """`iff(condition, then, else)` and `case(condition, then, …, else)`."""
    if len(arguments) < 3 or len(arguments) % 2 == 0 or (node.name != "case" and len(arguments) != 3):
        raise semantic_error(f"{node.name}(): wrong number of arguments", node.position, node.name)
    kind = shared_type(node, [*arguments[1::2], arguments[-1]])
    pairs = zip(arguments[:-1:2], arguments[1::2], strict=True)
    whens = " ".join(f"when {typed(node, test, BOOL).sql} then {value.sql}" for test, value in pairs)
    return Value(f"case {whens} else {arguments[-1].sql} end", kind)


def coalesce(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """The first argument that is not null; for strings, not empty."""
    counted(node, arguments, 2, 64)
    kind = shared_type(node, arguments)
    parts = [f"nullif({value.sql}, '')" if kind == STRING else value.sql for value in arguments]
    sql = f"coalesce({', '.join(parts)})"
    return Value(f"coalesce({sql}, '')" if kind == STRING else sql, kind)


def emptiness(test: str) -> Callable[[Call, Sequence[Value], Scope], Value]:
    """`isempty` and its like: `test` is SQL with two places."""

    def function(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
        (value,) = counted(node, arguments, 1, 1)
        empty = f"({text(value)} = '')" if "empty" in node.name else f"({value.sql} is null)"
        return Value(test.format(empty), BOOL)

    return function


def of_text(sql: str, result: Type) -> Callable[[Call, Sequence[Value], Scope], Value]:
    """A function of one string."""

    def function(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
        (value,) = counted(node, arguments, 1, 1)
        return Value(sql.format(typed(node, value, STRING).sql), result)

    return function


def strcat(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """All arguments as one string."""
    counted(node, arguments, 1, 64)
    return Value("(" + " || ".join(text(value) for value in arguments) + ")", STRING)


def round_(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """`round(value, digits)`."""
    counted(node, arguments, 1, 2)
    if any(value.type not in NUMBERS for value in arguments):
        raise wrong_types(f"{node.name}(): expects numbers", node.position, node.name)
    return Value(f"round({', '.join(value.sql for value in arguments)})", REAL)


def abs_(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """A number or timespan without its sign."""
    (value,) = counted(node, arguments, 1, 1)
    if value.type not in (*NUMBERS, TIMESPAN):
        raise wrong_types(f"{node.name}(): expects a number", node.position, node.name)
    return Value(f"abs({value.sql})", value.type)


def not_(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """`not(predicate)`."""
    (value,) = counted(node, arguments, 1, 1)
    return Value(f"(not {typed(node, value, BOOL).sql})", BOOL)


def parse_json(node: Call, arguments: Sequence[Value], scope: Scope) -> Value:
    """A string as a dynamic value; what is no JSON stays a string."""
    (value,) = counted(node, arguments, 1, 1)
    if value.type == DYNAMIC:
        return value
    sql = typed(node, value, STRING).sql
    return Value(f"case when json_valid({sql}) then json({sql}) else json_quote({sql}) end", DYNAMIC, value.name)


def typed(node: Call, value: Value, wanted: Type) -> Value:
    """The argument, when it has the type that the function takes."""
    if value.type == wanted:
        return value
    raise wrong_types(f"{node.name}(): expects {wanted}, got {value.type}", node.position, node.name)


def shared_type(node: Call, values: Sequence[Value]) -> Type:
    """The one type of values of which one is chosen."""
    kind = values[0].type
    for value in values[1:]:
        if kind in NUMBERS and value.type in NUMBERS:
            kind = number_type(kind, value.type)
        elif kind != value.type:
            raise wrong_types(f"{node.name}(): {kind} and {value.type} do not go together", node.position, node.name)
    return kind


CONVERSIONS = {
    "tostring": STRING,
    "toint": INT,
    "tolong": LONG,
    "todouble": REAL,
    "toreal": REAL,
    "tobool": BOOL,
    "todatetime": DATETIME,
}
FUNCTIONS: dict[str, Callable[[Call, Sequence[Value], Scope], Value]] = {
    "ago": ago,
    "now": now,
    "bin": bin_,
    "floor": bin_,
    "iff": choice,
    "iif": choice,
    "case": choice,
    "coalesce": coalesce,
    "isempty": emptiness("{}"),
    "isnotempty": emptiness("(not {})"),
    "isnull": emptiness("{}"),
    "isnotnull": emptiness("(not {})"),
    "tolower": of_text("kql_lower({})", STRING),
    "toupper": of_text("kql_upper({})", STRING),
    "strlen": of_text("length({})", LONG),
    "strcat": strcat,
    "round": round_,
    "abs": abs_,
    "not": not_,
    "parse_json": parse_json,
    "todynamic": parse_json,
}
