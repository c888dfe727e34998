"""What changed between two sets of inputs, and whether the change replaces the resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from emulator.provider.values import Properties, is_unknown
from emulator.resource_types.conversion import input_path, request_body
from emulator.resource_types.layout import KEYS
from emulator.resource_types.problem import Problem

if TYPE_CHECKING:
    from emulator.provider.paths import Step
    from emulator.resource_types import ResourceEntry
    from emulator.resource_types.schema import ArmType

Kind = Literal["add", "delete", "update"]
Path = tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One place in the inputs that changed."""

    path: Path
    kind: Kind
    replaces: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes between two sets of inputs."""

    changes: list[Change]
    same_path: bool
    """The new resource would have the old one's ARM id, so the old one must go first."""


def difference(entry: ResourceEntry, olds: Properties, news: Properties) -> Difference:
    """Compares checked inputs; what is not known yet counts as changed."""
    sets = {name for layout in entry.layouts.values() for name, move in layout.moves.items() if move.layout == KEYS}
    create_only = set(_create_only(entry, olds, news))
    changes = []
    for name in sorted(olds.keys() | news.keys()):
        whole = name in entry.inputs and entry.inputs[name].replaces
        for path, kind in _compare(olds.get(name), news.get(name), (name,), sets):
            changes.append(Change(path, kind, whole or any(_overlap(path, one) for one in create_only)))
    names = [parameter.input for parameter in entry.parameters.values() if parameter.input]
    same_path = all(same(olds.get(name), news.get(name)) for name in names)
    return Difference(changes, same_path)


def same(old: object, new: object) -> bool:
    """Equal for ARM: ids in any case, a scope with or without its first slash, locations in either spelling."""
    if isinstance(old, str) and isinstance(new, str):
        return old == new or (_is_id(old) and _is_id(new) and old.strip("/").lower() == new.strip("/").lower())
    return type(old) is type(new) and old == new if isinstance(old, bool) or isinstance(new, bool) else old == new


def _is_id(text: str) -> bool:
    return text.strip("/").lower().startswith("subscriptions/")


def same_location(old: object, new: object) -> bool:
    """`West Europe` is `westeurope`."""
    return str(old).replace(" ", "").lower() == str(new).replace(" ", "").lower()


def _compare(old: Any, new: Any, path: Path, sets: set[str]) -> Iterator[tuple[Path, Kind]]:
    if old is None or new is None:
        if old is not new:
            yield path, "add" if old is None else "delete"
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from _compare(old.get(key), new.get(key), (*path, key), sets)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(old, new, path, sets)
    elif is_unknown(new) or not (same(old, new) or (path == ("location",) and same_location(old, new))):
        yield path, "update"


def _compare_lists(old: list[Any], new: list[Any], path: Path, sets: set[str]) -> Iterator[tuple[Path, Kind]]:
    if path[-1] in sets and not any(map(is_unknown, new)):
        if {str(one).lower() for one in old} != {str(one).lower() for one in new}:
            yield path, "update"
        return
    for index in range(max(len(old), len(new))):
        before = old[index] if index < len(old) else None
        after = new[index] if index < len(new) else None
        yield from _compare(before, after, (*path, index), sets)


def _overlap(one: Path, other: Path) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _create_only(entry: ResourceEntry, olds: Properties, news: Properties) -> Iterator[Path]:
    """Inputs that changed and that the model lets only a creation set."""
    type_ = entry.body_type()
    if type_ is not None:
        old_body, new_body = request_body(entry, _known(entry, olds)), request_body(entry, _known(entry, news))
        for path in _changed_create_only(entry, type_, old_body, new_body, ()):
            yield input_path(entry, Problem(path, "InvalidValue", ""))


def _known(entry: ResourceEntry, inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if name in entry.inputs}


def _changed_create_only(entry: ResourceEntry, type_: ArmType, old: Any, new: Any, at: Path) -> Iterator[Path]:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return
    for name, property_ in entry.schema.properties(entry.schema.narrowed(type_, new)).items():
        before, after = old.get(name), new.get(name)
        if property_.create_only and any(_compare(before, after, (name,), set())):
            yield (*at, name)
        else:
            yield from _changed_create_only(entry, property_.type, before, after, (*at, name))
