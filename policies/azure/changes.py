"""What modify and append write into a request."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.azure import fields
from policies.azure.aliases import EACH
from policies.azure.context import Context
from policies.azure.effects import Operation
from policies.azure.errors import RuleError
from policies.azure.functions import boolean
from policies.azure.values import Undecided, folded, get, text
from policies.azure.verdict import Change
from policies.resource import UNKNOWN


@dataclass
class Changed:
    """A request after all operations."""

    body: dict[str, Any]
    changes: list[Change] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    """Why a value that would be written is not known."""
    conflict: str = ""
    """What append would have to overwrite: Azure refuses the request then."""


def changed(context: Context, operations: tuple[Operation, ...]) -> Changed:
    """The request as Azure would make of it. Its own body stays as it is.

    Raises:
        RuleError: a value cannot be worked out.
    """
    done = Changed(copy.deepcopy(dict(context.subject.body)))
    for one in operations:
        asked = boolean(one.condition.evaluate(context))
        if isinstance(asked, Undecided):
            done.undecided.append(asked.reason)
        elif asked:
            _apply(context, one, done)
    return done


def _apply(context: Context, operation: Operation, done: Changed) -> None:
    name = operation.field.evaluate(context)
    value = None if operation.kind == "remove" else operation.value.evaluate(context)
    for one in (name, value):
        if isinstance(one, Undecided):
            done.undecided.append(one.reason)
    if isinstance(name, Undecided):
        return
    path, steps = target(context, text(name))
    _write(done, operation.kind, path, done.body, steps, UNKNOWN if isinstance(value, Undecided) else value)


def target(context: Context, name: str) -> tuple[str, tuple[str, ...]]:
    """Where in the body a field is, for people and in steps.

    Raises:
        RuleError: it cannot be written.
    """
    if (tag := fields.tag_name(name)) is not None:
        return f"tags['{tag}']", ("tags", tag)
    if name.lower() in ("location", "tags", "identity.type"):
        return name, tuple(name.split("."))
    alias = context.aliases.find(name)
    if alias is None:
        raise RuleError(f"field {name} cannot be written")
    return alias.path, alias.steps


def _write(done: Changed, kind: str, path: str, into: dict[str, Any], steps: tuple[str, ...], value: Any) -> None:
    """Goes down to the last step, making objects on the way; into every element of a list that is there."""
    key = _present(into, steps[0])
    if len(steps) == 1:
        _set(done, kind, path, into, key, value)
    elif steps[1] == EACH:
        _write_each(done, kind, path, into, steps, value)
    elif kind != "remove" or isinstance(into.get(key), Mapping):
        inner = into.get(key)
        into[key] = dict(inner) if isinstance(inner, Mapping) else {}
        _write(done, kind, path, into[key], steps[1:], value)


def _write_each(done: Changed, kind: str, path: str, into: dict[str, Any], steps: tuple[str, ...], value: Any) -> None:
    key = _present(into, steps[0])
    found = into.get(key) if isinstance(into.get(key), list) else []
    if len(steps) > 2:
        for element in found or []:
            if isinstance(element, dict):
                _write(done, kind, path, element, steps[2:], value)
    elif kind == "remove":
        into.pop(key, None)
        done.changes.append(Change(path, found, None))
    elif all(folded(one) != folded(value) for one in found or []):
        into[key] = [*(found or []), value]
        done.changes.append(Change(path, found, into[key]))


def _set(done: Changed, kind: str, path: str, into: dict[str, Any], key: str, value: Any) -> None:
    before = into.get(key)
    if kind == "remove":
        value = None
        into.pop(key, None)
    elif kind == "append" and before is not None and folded(before) != folded(value):
        done.conflict = f"{path} is {text(before)!r}, and append cannot make it {text(value)!r}"
        return
    elif kind == "add" and before is not None:
        return
    else:
        into[key] = value
    if before != value:
        done.changes.append(Change(path, before, value))


def _present(into: Mapping[str, Any], step: str) -> str:
    """The name as the body spells it."""
    if step in into or get(into, step) is None:
        return step
    return next(name for name in into if name.casefold() == step.casefold())
