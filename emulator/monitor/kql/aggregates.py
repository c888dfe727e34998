"""The functions of a group of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from emulator.monitor.kql.errors import semantic_error
from emulator.monitor.kql.syntax import Call, Expression, Literal
from emulator.monitor.kql.types import BOOL, DYNAMIC, LONG, NUMBERS, REAL, TIMESPAN, Type
from emulator.monitor.kql.value import Scope, Value, wrong_types

Compile = Callable[[Expression, Scope], Value]
AGGREGATES = frozenset(
    {"count", "countif", "sum", "sumif", "avg", "avgif", "min", "minif", "max", "maxif", "dcount", "dcountif"}
    | {"percentile", "percentiles", "take_any", "any"}
)
SUMMED = (*NUMBERS, TIMESPAN)


def call(node: Call, scope: Scope, compile_: Compile) -> Value:
    """An aggregate as SQL."""
    if not scope.grouped:
        raise semantic_error(f"'{node.name}' can only be used in summarize", node.position, node.name)
    if node.name == "percentiles":
        raise semantic_error("percentiles() must stand alone in summarize", node.position, node.name)
    rows = replace(scope, grouped=False)
    arguments = [compile_(argument, rows) for argument in node.arguments]
    if node.name == "percentile":
        check_count(node, 2)
        return percentile(node, arguments[0], node.arguments[1], scope)
    conditional = node.name.endswith("if")
    kind = node.name.removesuffix("if")
    check_count(node, (0 if kind == "count" else 1) + conditional)
    condition = arguments.pop() if conditional else None
    if condition is not None and condition.type != BOOL:
        raise wrong_types(f"{node.name}(): expects bool, got {condition.type}", node.position, node.name)
    where = f" filter (where {condition.sql})" if condition else ""
    if kind == "count":
        return Value(f"count(*){where}", LONG, f"{node.name}_")
    return simple(node, kind, arguments[0], where)


def simple(node: Call, kind: str, value: Value, where: str) -> Value:
    """An aggregate of one column."""
    named = f"{'any' if kind == 'take_any' else node.name}_{value.name}"
    if kind in ("sum", "avg") and value.type not in SUMMED:
        raise wrong_types(f"{node.name}(): expects numbers, got {value.type}", node.position, node.name)
    if value.type == DYNAMIC and kind not in ("take_any", "any"):
        raise wrong_types(f"{node.name}(): cast the dynamic value, as in tostring()", node.position, node.name)
    if kind == "dcount":
        return Value(f"count(distinct {value.sql}){where}", LONG, named)
    if kind == "avg":
        whole = value.type == TIMESPAN
        sql = f"cast(avg({value.sql}){where} as integer)" if whole else f"avg({value.sql}){where}"
        return Value(sql, TIMESPAN if whole else REAL, named)
    if kind == "sum":
        zero = "0.0" if value.type == REAL else "0"
        return Value(f"coalesce(sum({value.sql}){where}, {zero})", sum_type(value.type), named)
    return Value(f"{'min' if kind in ('take_any', 'any') else kind}({value.sql}){where}", value.type, named)


def sum_type(kind: Type) -> Type:
    """Whole numbers add up to a long."""
    return kind if kind in (REAL, TIMESPAN) else LONG


def percentile(node: Call, value: Value, rank: Expression, scope: Scope) -> Value:
    """One percentile; the rank is a constant."""
    if not isinstance(rank, Literal) or rank.type not in NUMBERS or not 0 <= float(rank.value or 0) <= 100:
        raise semantic_error(f"{node.name}(): a percentile is a constant from 0 to 100", node.position, node.name)
    if value.type not in SUMMED:
        raise wrong_types(f"{node.name}(): expects numbers, got {value.type}", node.position, node.name)
    shown = str(rank.value).replace(".", "_")
    return Value(
        f"kql_percentile({value.sql}, {scope.parameters.add(rank.value)})",
        value.type,
        f"percentile_{value.name}_{shown}",
    )


def expanded(node: Call, scope: Scope, compile_: Compile) -> list[Value]:
    """`percentiles(value, 50, 95)`: one column a rank."""
    if len(node.arguments) < 2:
        check_count(node, 2)
    value = compile_(node.arguments[0], replace(scope, grouped=False))
    return [percentile(node, value, rank, scope) for rank in node.arguments[1:]]


def check_count(node: Call, wanted: int) -> None:
    """Refuses a wrong number of arguments."""
    if len(node.arguments) != wanted:
        message = f"{node.name}(): expects {wanted} argument(s), got {len(node.arguments)}"
        raise semantic_error(message, node.position, node.name)
