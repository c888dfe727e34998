"""Expressions as SQL, with Kusto's types: what Kusto would not compare is refused here too."""

from __future__ import annotations

from collections.abc import Callable

from emulator.monitor.kql import aggregates, scalars
from emulator.monitor.kql.errors import Position, semantic_error, unresolved, unsupported
from emulator.monitor.kql.syntax import Between, Binary, Call, Expression, Literal, Member, Membership, Name, Negation
from emulator.monitor.kql.types import BOOL, DATETIME, DYNAMIC, NUMBERS, REAL, STRING, TIMESPAN, Type, number_type
from emulator.monitor.kql.value import Scope, Value, wrong_types

SQL_COMPARISON = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
INSTANTS = (DATETIME, TIMESPAN)
LOOSE: dict[Type, str] = {STRING: "kql_text({}, 'dynamic')", BOOL: "kql_truth({})", REAL: "kql_real({})"}


def value_of(node: Expression, scope: Scope) -> Value:
    """An expression as SQL.

    Raises:
        QueryError: a name means nothing, types do not go together, or the emulator has not the function.
    """
    return COMPILERS[type(node)](node, scope)


def literal(node: Literal, scope: Scope) -> Value:
    return Value(scope.parameters.add(node.value), node.type)


def name(node: Name, scope: Scope) -> Value:
    found = scope.columns.get(node.name) or scope.constants.get(node.name)
    if found is None:
        raise unresolved("column or scalar expression", node.name, node.position)
    if scope.grouped and node.name in scope.columns:
        message = f"'{node.name}' is neither an aggregate nor a group key"
        raise semantic_error(message, node.position, node.name)
    return found


def member(node: Member, scope: Scope) -> Value:
    base = value_of(node.base, scope)
    if base.type != DYNAMIC:
        message = f"a property can only be read from a dynamic value, not from {base.type}"
        raise wrong_types(message, node.position, str(node.key))
    if isinstance(node.key, int):
        return Value(f"({base.sql} -> {scope.parameters.add(node.key)})", DYNAMIC, f"{base.name}_{node.key}")
    if '"' in node.key or "\\" in node.key:
        raise unsupported("a property name with quotes or backslashes,", node.key, node.position)
    path = scope.parameters.add(f'$."{node.key}"')
    return Value(f"({base.sql} -> {path})", DYNAMIC, f"{base.name}_{node.key}")


def call(node: Call, scope: Scope) -> Value:
    if node.name in aggregates.AGGREGATES:
        return aggregates.call(node, scope, value_of)
    scalars.require(node)
    return scalars.call(node, [value_of(argument, scope) for argument in node.arguments], scope)


def negation(node: Negation, scope: Scope) -> Value:
    operand = value_of(node.operand, scope)
    if operand.type not in (*NUMBERS, TIMESPAN):
        raise wrong_types(f"'-' does not apply to {operand.type}", node.position, "-")
    return Value(f"(- {operand.sql})", operand.type)


def binary(node: Binary, scope: Scope) -> Value:
    left, right = value_of(node.left, scope), value_of(node.right, scope)
    if node.operator in ("and", "or"):
        return Value(f"({truth(left, node)} {node.operator} {truth(right, node)})", BOOL)
    if node.operator in SQL_COMPARISON:
        return Value(compared(node.operator, left, right, node.position), BOOL)
    if node.operator in ("+", "-", "*", "/", "%"):
        return arithmetic(node, left, right)
    return Value(text_test(node, left, right), BOOL)


def truth(value: Value, node: Binary) -> str:
    """SQL of an operand of `and` and `or`."""
    if value.type != BOOL:
        raise wrong_types(f"'{node.operator}' expects bool, got {value.type}", node.position, node.operator)
    return value.sql


def compared(operator: str, left: Value, right: Value, position: Position) -> str:
    """SQL of a comparison."""
    if left.type == DYNAMIC or right.type == DYNAMIC:
        left, right = loosened(operator, left, right, position)
    elif {left.type, right.type} == {STRING, BOOL} and operator in ("==", "!="):
        # `success == false` is how Application Insights' own samples ask for failures.
        left, right = (Value(f"kql_truth({one.sql})", BOOL) if one.type == STRING else one for one in (left, right))
    elif left.type != right.type and not (left.type in NUMBERS and right.type in NUMBERS):
        kinds = f"{left.type} and {right.type}"
        raise wrong_types(f"Cannot compare values of types {kinds}. Try adding explicit casts", position, operator)
    return f"({left.sql} {SQL_COMPARISON[operator]} {right.sql})"


def loosened(operator: str, left: Value, right: Value, position: Position) -> tuple[Value, Value]:
    """Both sides of a comparison with a dynamic value, brought to the type of the other side."""
    other = right.type if left.type == DYNAMIC else left.type
    kind = REAL if other in NUMBERS else other
    if kind not in LOOSE or operator not in ("==", "!="):
        message = f"'{operator}' does not compare dynamic with {other}: cast it, as in tolong() or todatetime()"
        raise wrong_types(message, position, operator)
    left, right = (Value(LOOSE[kind].format(one.sql), kind) if one.type == DYNAMIC else one for one in (left, right))
    return left, right


def arithmetic(node: Binary, left: Value, right: Value) -> Value:
    """Numbers, times and timespans."""
    kind = arithmetic_type(node.operator, left.type, right.type)
    if kind is None:
        message = f"'{node.operator}' does not apply to {left.type} and {right.type}"
        raise wrong_types(message, node.position, node.operator)
    first = f"cast({left.sql} as real)" if kind == REAL and node.operator == "/" else left.sql
    sql = f"({first} {node.operator} {right.sql})"
    return Value(f"cast({sql} as integer)" if kind in INSTANTS and node.operator in "*/" else sql, kind)


def arithmetic_type(operator: str, left: Type, right: Type) -> Type | None:
    """The type of a result, None where there is none."""
    if left in NUMBERS and right in NUMBERS:
        return number_type(left, right)
    instants = {
        ("-", DATETIME, DATETIME): TIMESPAN,
        ("+", DATETIME, TIMESPAN): DATETIME,
        ("-", DATETIME, TIMESPAN): DATETIME,
        ("+", TIMESPAN, DATETIME): DATETIME,
        ("+", TIMESPAN, TIMESPAN): TIMESPAN,
        ("-", TIMESPAN, TIMESPAN): TIMESPAN,
        ("/", TIMESPAN, TIMESPAN): REAL,
    }
    if operator in "*/" and left == TIMESPAN and right in NUMBERS:
        return TIMESPAN
    if operator == "*" and left in NUMBERS and right == TIMESPAN:
        return TIMESPAN
    return instants.get((operator, left, right))


def text_test(node: Binary, left: Value, right: Value) -> str:
    """SQL of `=~`, `contains`, `has`, `startswith`, `endswith` and their like."""
    operator, negated = (node.operator[1:], True) if node.operator[0] == "!" else (node.operator, False)
    if left.type not in (STRING, DYNAMIC) or right.type not in (STRING, DYNAMIC):
        message = f"'{node.operator}' expects strings, got {left.type} and {right.type}"
        raise wrong_types(message, node.position, node.operator)
    exact = operator.endswith("_cs")
    one, other = (scalars.text(side) if exact else f"kql_fold({scalars.text(side)})" for side in (left, right))
    length = f"length({other})"
    kinds = {
        "~": f"({one} = {other})",
        "=~": f"({one} = {other})",
        "contains": f"(instr({one}, {other}) > 0)",
        "startswith": f"(substr({one}, 1, {length}) = {other})",
        "endswith": f"(length({one}) >= {length} and substr({one}, -{length}, {length}) = {other})",
        "has": f"kql_has({one}, {other}, 1)",
    }
    sql = kinds[operator.removesuffix("_cs")]
    return f"(not {sql})" if negated else sql


def membership(node: Membership, scope: Scope) -> Value:
    operand = value_of(node.operand, scope)
    members = [(item, value_of(item, scope)) for item in node.members]
    if node.operator.endswith("~"):
        alike = Binary(node.position, "=~", node.operand, node.operand)
        sql = " or ".join(text_test(alike, operand, other) for _, other in members)
    elif all(other.type == operand.type != DYNAMIC for _, other in members):
        sql = f"{operand.sql} in ({', '.join(other.sql for _, other in members)})"
    else:
        sql = " or ".join(compared("==", operand, other, item.position) for item, other in members)
    return Value(f"(not ({sql}))" if node.operator.startswith("!") else f"({sql})", BOOL)


def between(node: Between, scope: Scope) -> Value:
    operand, low = value_of(node.operand, scope), value_of(node.low, scope)
    high = value_of(node.high, scope)
    if operand.type == DATETIME and high.type == TIMESPAN:
        high = Value(f"({low.sql} + {high.sql})", DATETIME)
    parts = (compared(">=", operand, low, node.position), compared("<=", operand, high, node.position))
    sql = f"({parts[0]} and {parts[1]})"
    return Value(f"(not {sql})" if node.operator.startswith("!") else sql, BOOL)


COMPILERS: dict[type, Callable[..., Value]] = {
    Literal: literal,
    Name: name,
    Member: member,
    Call: call,
    Negation: negation,
    Binary: binary,
    Membership: membership,
    Between: between,
}
