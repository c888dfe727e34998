"""What a field of a rule stands for in a request
(https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule#fields).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policies.azure.aliases import EACH, Alias
from policies.azure.context import Bound, Context
from policies.azure.errors import UnknownConstructError
from policies.azure.subject import Subject
from policies.azure.values import Undecided, get, of_body

TAG = re.compile(r"tags(?:\['(?P<quoted>[^']+)'\]|\[(?P<plain>[^\]']+)\]|\.(?P<dotted>.+))", re.IGNORECASE)


@dataclass(frozen=True)
class Selection:
    """What a field stands for: one value, or every element of a list with the place of each."""

    path: str
    """Where in the body, for people."""
    values: tuple[tuple[Bound, Any], ...]
    depth: int = 0
    """How many lists lead to a value."""

    @property
    def undecided(self) -> Undecided | None:
        """Why not even the number of values is known."""
        return next(
            (value for place, value in self.values if isinstance(value, Undecided) and len(place) < self.depth), None
        )


def location(value: Any) -> Any:
    """A region as ARM compares it: `West Europe` -> `westeurope`."""
    return value.replace(" ", "").lower() if isinstance(value, str) else value


STANDARD: Mapping[str, Callable[[Subject], Any]] = {
    "type": lambda subject: subject.type,
    "name": lambda subject: subject.name,
    "fullname": lambda subject: subject.full_name,
    "id": lambda subject: subject.id,
    "kind": lambda subject: get(subject.body, "kind"),
    "location": lambda subject: location(get(subject.body, "location")),
    "tags": lambda subject: get(subject.body, "tags"),
    "identity.type": lambda subject: get(get(subject.body, "identity") or {}, "type"),
}


def tag_name(field: str) -> str | None:
    """`tags['cost-center']`, `tags[cost-center]` or `tags.cost-center` -> `cost-center`."""
    found = TAG.fullmatch(field)
    return next(name for name in found.groups() if name) if found else None


def require_known(field: str, context_aliases: Callable[[str], Alias | None]) -> None:
    """Refuses a field that is neither a standard one nor a tag nor an alias.

    Raises:
        UnknownConstructError: names it.
    """
    if field.lower() not in STANDARD and tag_name(field) is None and context_aliases(field) is None:
        raise UnknownConstructError(f"field {field} is no alias that the definitions come with, and no standard field")


def select(context: Context, field: str) -> Selection:
    """The values that a field stands for.

    Raises:
        UnknownConstructError: there is no such field.
    """
    subject = context.subject
    if field.lower() in STANDARD:
        return _one(field, STANDARD[field.lower()](subject))
    if (tag := tag_name(field)) is not None:
        return _one(f"tags['{tag}']", _below(get(subject.body, "tags"), tag))
    alias = context.aliases.find(field)
    if alias is None:
        require_known(field, context.aliases.find)
        raise AssertionError(field)
    return _aliased(context, alias)


def _one(path: str, value: Any) -> Selection:
    return Selection(path, (({}, of_body(value, path)),))


def _below(tags: Any, name: str) -> Any:
    return get(tags, name) if isinstance(tags, Mapping) else tags


def _aliased(context: Context, alias: Alias) -> Selection:
    subject = context.subject
    found: list[tuple[Bound, Any]] = []
    if alias.resource_type.lower() == subject.type.lower():
        found = list(_walk(subject.body, alias.steps, 0, context.bound, {}, alias.path))
        absent = all(value is None for _, value in found)
        if absent and not context.facts.sent and subject.filled_in(alias):
            found = [({}, Undecided(f"Azure fills in {alias.path} once the resource exists", filled_in=True))]
    elif not alias.collection:
        found = [({}, None)]
    return Selection(alias.path, tuple(found), alias.steps.count(EACH))


def _walk(
    value: Any, steps: tuple[str, ...], at: int, bound: Bound, place: Bound, path: str
) -> Iterator[tuple[Bound, Any]]:
    value = of_body(value, path)
    if at == len(steps) or isinstance(value, Undecided):
        yield place, value
    elif steps[at] != EACH:
        inner = get(value, steps[at]) if isinstance(value, Mapping) else None
        if inner is not None or EACH not in steps[at:]:
            yield from _walk(inner, steps, at + 1, bound, place, path)
    elif isinstance(value, list):
        here = tuple(step.lower() for step in steps[: at + 1])
        for index, element in enumerate(value):
            if bound.get(here, index) == index:
                yield from _walk(element, steps, at + 1, bound, {**place, here: index}, path)
