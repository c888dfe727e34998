"""The template functions that rules call
(https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule#policy-functions and
https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.azure import facts, fields
from policies.azure.addresses import in_range
from policies.azure.context import Context
from policies.azure.errors import RuleError
from policies.azure.values import Undecided, every, get, negated, settled, text

MANY = 1_000
Later = Sequence[Callable[[], Any]]
"""Arguments that are worked out only when they are asked for."""


@dataclass(frozen=True)
class Function:
    """A function and how many arguments it takes."""

    call: Callable[[Context, Later], Any]
    least: int = 0
    most: int = MANY


def plain(made: Callable[..., Any], least: int, most: int | None = None) -> Function:
    """A function of values: of one that is not known, what comes of it is not either."""

    def call(_: Context, arguments: Later) -> Any:
        values = [settled(one(), "a value of an expression") for one in arguments]
        return next((one for one in values if isinstance(one, Undecided)), None) or made(*values)

    return Function(call, least, least if most is None else most)


def boolean(value: Any) -> bool | Undecided:
    """True or false.

    Raises:
        RuleError: it is neither.
    """
    if isinstance(value, bool | Undecided):
        return value
    raise RuleError(f"{text(value)!r} is neither true nor false")


def _if(_: Context, arguments: Later) -> Any:
    asked = boolean(arguments[0]())
    return asked if isinstance(asked, Undecided) else arguments[1 if asked else 2]()


def _coalesce(_: Context, arguments: Later) -> Any:
    return next((value for one in arguments if (value := one()) is not None), None)


def _field(context: Context, arguments: Later) -> Any:
    name = arguments[0]()
    if isinstance(name, Undecided):
        return name
    found = fields.select(context, text(name))
    values = [settled(value, found.path) for _, value in found.values]
    if found.depth:
        return next((one for one in values if isinstance(one, Undecided)), values)
    return "" if values[0] is None else values[0]


def _current(context: Context, arguments: Later) -> Any:
    name = text(arguments[0]()) if arguments else context.innermost
    if not name:
        raise RuleError("current() stands in no count")
    if name.lower() in context.current:
        return context.current[name.lower()]
    found = fields.select(context, name)
    return settled(found.values[0][1], found.path) if found.values else None


def _parameter(context: Context, arguments: Later) -> Any:
    return context.parameter(text(arguments[0]()))


def concat(*parts: Any) -> Any:
    """Texts one after the other, or lists."""
    if parts and all(isinstance(one, list) for one in parts):
        return [inner for one in parts for inner in one]
    return "".join(text(one) for one in parts)


def split(value: Any, delimiter: Any) -> list[str]:
    """The parts of a text between one delimiter, or any of several."""
    marks = delimiter if isinstance(delimiter, list) else [delimiter]
    return re.split("|".join(re.escape(text(mark)) for mark in marks), text(value))


def length(value: Any) -> int:
    """Of a text, a list or an object; nothing has none."""
    if value is None:
        return 0
    if isinstance(value, str | list | Mapping):
        return len(value)
    raise RuleError(f"length() takes no {text(value)!r}")


def whole(value: Any) -> int:
    """A whole number from a number or a text.

    Raises:
        RuleError: it is none.
    """
    try:
        return int(value)
    except (TypeError, ValueError):
        raise RuleError(f"int() takes no {text(value)!r}") from None


def truth(value: Any) -> bool:
    """`bool()`: from a text or a number."""
    if text(value).lower() in ("true", "1"):
        return True
    if text(value).lower() in ("false", "0"):
        return False
    raise RuleError(f"bool() takes no {text(value)!r}")


def moment(value: Any) -> datetime:
    """A time as templates write it.

    Raises:
        RuleError: it is none.
    """
    try:
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text(value)))
    except ValueError:
        raise RuleError(f"{text(value)!r} is no time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def time_text(value: datetime) -> str:
    """Seven decimals and Z."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond:06}0Z"


def compared(compare: Callable[[Any, Any], bool], name: str) -> Callable[[Any, Any], bool]:
    """Two numbers, or two texts with regard to case."""

    def call(left: Any, right: Any) -> bool:
        for kinds in (int | float, str):
            if isinstance(left, kinds) and isinstance(right, kinds):
                return compare(left, right)
        raise RuleError(f"{name}() cannot compare {text(left)!r} with {text(right)!r}")

    return call


def has(value: Any, wanted: Any) -> bool:
    """`contains()`: a part of a text, an element of a list, a property of an object."""
    if isinstance(value, Mapping):
        return get(value, text(wanted)) is not None
    return wanted in value if isinstance(value, list) else text(wanted) in text(value)


def end_of(value: Any, at: int) -> Any:
    """`first()` and `last()`: of a text or a list; nothing of an empty list."""
    if isinstance(value, list | str) and value:
        return value[at]
    return "" if isinstance(value, str) else None


def part(value: Any, start: int, count: int | None = None) -> str:
    """`substring()`.

    Raises:
        RuleError: the text is shorter.
    """
    found = text(value)
    if start < 0 or start + (count or 0) > len(found):
        raise RuleError(f"substring() reaches beyond {found!r}")
    return found[start:] if count is None else found[start : start + count]


FUNCTIONS: Mapping[str, Function] = {
    "parameters": Function(_parameter, 1, 1),
    "field": Function(_field, 1, 1),
    "current": Function(_current, 0, 1),
    "requestcontext": Function(lambda context, _: {"apiVersion": context.subject.api_version}, 0, 0),
    "resourcegroup": Function(lambda context, _: facts.resource_group(context), 0, 0),
    "subscription": Function(lambda context, _: facts.subscription(context), 0, 0),
    "utcnow": Function(lambda context, _: time_text(context.facts.now), 0, 0),
    "if": Function(_if, 3, 3),
    "and": Function(lambda _, arguments: every(boolean(one()) for one in arguments), 2),
    "or": Function(lambda _, arguments: negated(every(negated(boolean(one())) for one in arguments)), 2),
    "coalesce": Function(_coalesce, 1),
    "not": plain(lambda value: not boolean(value), 1),
    "equals": plain(lambda left, right: left == right, 2),
    "less": plain(compared(operator.lt, "less"), 2),
    "lessorequals": plain(compared(operator.le, "lessOrEquals"), 2),
    "greater": plain(compared(operator.gt, "greater"), 2),
    "greaterorequals": plain(compared(operator.ge, "greaterOrEquals"), 2),
    "concat": plain(concat, 1, MANY),
    "split": plain(split, 2),
    "length": plain(length, 1),
    "empty": plain(lambda value: value is None or value in ("", [], {}), 1),
    "int": plain(whole, 1),
    "string": plain(text, 1),
    "bool": plain(truth, 1),
    "createarray": plain(lambda *values: list(values), 0, MANY),
    "contains": plain(has, 2),
    "first": plain(lambda value: end_of(value, 0), 1),
    "last": plain(lambda value: end_of(value, -1), 1),
    "startswith": plain(lambda value, start: text(value).casefold().startswith(text(start).casefold()), 2),
    "endswith": plain(lambda value, end: text(value).casefold().endswith(text(end).casefold()), 2),
    "substring": plain(part, 2, 3),
    "replace": plain(lambda value, old, new: text(value).replace(text(old), text(new)), 3),
    "tolower": plain(lambda value: text(value).lower(), 1),
    "toupper": plain(lambda value: text(value).upper(), 1),
    "trim": plain(lambda value: text(value).strip(), 1),
    "add": plain(lambda left, right: whole(left) + whole(right), 2),
    "sub": plain(lambda left, right: whole(left) - whole(right), 2),
    "true": plain(lambda: True, 0),
    "false": plain(lambda: False, 0),
    "adddays": plain(lambda start, days: time_text(moment(start) + timedelta(days=whole(days))), 2),
    "iprangecontains": plain(in_range, 2),
}
"""By name in lower case."""
