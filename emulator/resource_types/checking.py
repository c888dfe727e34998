"""Strict check of an ARM request body against the published model of its operation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.resource_types.limits import broken_limits
from emulator.resource_types.problem import Problem, Step
from emulator.resource_types.schema import (
    AnyOf,
    ArmType,
    ArrayOf,
    Constant,
    Enumeration,
    InlineObject,
    MapOf,
    Model,
    ModelReference,
    Property,
    Scalar,
    Schema,
)

if TYPE_CHECKING:
    from emulator.resource_types.entry import ResourceEntry

At = tuple[Step, ...]
Problems = Iterator[Problem]
DATETIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")
DURATION = re.compile(r"-?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
JSON_NAMES = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "an integer",
    list: "an array",
    str: "a string",
}
WANTED: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float)}
WANTED_NAMES = {"bool": "a boolean", "int": "an integer", "float": "a number"}


def check_body(
    entry: ResourceEntry, body: object, method: str = "PUT", unknown: Callable[[object], bool] = lambda _: False
) -> list[Problem]:
    """What is wrong with a request body; empty when it is right.

    Finds unknown and read-only properties, missing required ones, wrong JSON types, values outside an enumeration,
    unknown discriminators and broken limits. `unknown` says which values are not known yet and pass as they are.
    """
    type_ = entry.body_type(method)
    return [] if type_ is None else list(_Checker(entry.schema, unknown).value(type_, body, ()))


@dataclass(frozen=True, slots=True)
class _Checker:
    schema: Schema
    unknown: Callable[[object], bool]

    def value(self, type_: ArmType, value: object, at: At) -> Problems:
        if value is None or self.unknown(value):
            return
        match type_:
            case Scalar(kind):
                yield from _scalar(kind, value, at)
            case Enumeration(_, values):
                yield from _enumeration(values, value, at)
            case Constant(wanted):
                if wanted is not None and value != wanted:
                    yield Problem(at, "InvalidValue", f"{value!r} must be {wanted!r}")
            case ArrayOf(items):
                yield from self._array(items, value, at)
            case MapOf(values):
                yield from self._map(values, value, at)
            case AnyOf(members):
                results = [list(self.value(member, value, at)) for member in members]
                if all(results):
                    yield from min(results, key=len)
            case InlineObject(properties):
                yield from self._object(Model(properties), value, at)
            case ModelReference(name):
                yield from self._model(name, value, at)

    def _array(self, items: ArmType, value: object, at: At) -> Problems:
        if not isinstance(value, list):
            yield _wrong_type(value, "an array", at)
            return
        for index, item in enumerate(value):
            yield from self.value(items, item, (*at, index))

    def _map(self, values: ArmType, value: object, at: At) -> Problems:
        if not isinstance(value, Mapping):
            yield _wrong_type(value, "an object", at)
            return
        for key, item in value.items():
            yield from self.value(values, item, (*at, key))

    def _model(self, name: str, value: object, at: At) -> Problems:
        model = self.schema.model(name)
        if model.discriminator is None or not isinstance(value, Mapping):
            yield from self._object(model, value, at)
            return
        key, known = model.discriminator.property, self.schema.descendants(name)
        chosen = value.get(key)
        if chosen is None:
            yield Problem((*at, key), "MissingProperty", f"required property missing, one of {_listed(list(known))}")
            return
        if self.unknown(chosen):
            return
        if isinstance(chosen, str) and chosen in known:
            model = self.schema.model(known[chosen])
        elif name not in known.values():
            yield Problem((*at, key), "UnknownType", _not_one_of(chosen, list(known)))
            return
        yield from self._object(model, value, at)

    def _object(self, model: Model, value: object, at: At) -> Problems:
        if not isinstance(value, Mapping):
            yield _wrong_type(value, "an object", at)
            return
        for key, item in value.items():
            yield from self._property(model, str(key), item, (*at, str(key)))
        yield from self._missing(model.properties, value, at)

    def _property(self, model: Model, key: str, item: object, at: At) -> Problems:
        property_ = model.properties.get(key)
        if property_ is None:
            if model.additional is None:
                yield Problem(at, "UnknownProperty", f"unknown property{self._hint(model, key)}")
            else:
                yield from self.value(model.additional, item, at)
        elif property_.read_only:
            yield Problem(at, "ReadOnlyProperty", "read-only property, leave it out of a request")
        else:
            yield from self.value(property_.type, item, at)
            if not self.unknown(item):
                yield from (Problem(at, "OutOfLimits", text) for text in broken_limits(property_.limits, item))

    def _missing(self, properties: Mapping[str, Property], value: Mapping[str, object], at: At) -> Problems:
        for key, property_ in properties.items():
            if value.get(key) is not None or property_.read_only or isinstance(property_.type, Constant):
                continue
            if property_.required:
                yield Problem((*at, key), "MissingProperty", "required property missing")
            elif isinstance(property_.type, InlineObject):
                yield from self._missing(property_.type.properties, {}, (*at, key))

    def _hint(self, model: Model, key: str) -> str:
        for container, property_ in model.properties.items():
            if not property_.read_only and key in self.schema.properties(property_.type):
                return f", it belongs in {container!r}"
        by_case = {name.lower(): name for name in model.properties}
        near = difflib.get_close_matches(key.lower(), by_case, n=1, cutoff=0.7)
        return f", did you mean {by_case[near[0]]!r}?" if near else ""


def _scalar(kind: str, value: object, at: At) -> Problems:
    if kind == "any":
        return
    if kind in WANTED:
        if not isinstance(value, WANTED[kind]) or (isinstance(value, bool) and kind != "bool"):
            yield _wrong_type(value, WANTED_NAMES[kind], at)
    elif not isinstance(value, str):
        yield _wrong_type(value, "a string", at)
    elif kind == "datetime" and not DATETIME.fullmatch(value):
        yield Problem(at, "InvalidValue", f"{value!r} is not a date and time such as 2026-01-31T12:00:00Z")
    elif kind == "duration" and not DURATION.fullmatch(value):
        yield Problem(at, "InvalidValue", f"{value!r} is not an ISO 8601 duration such as PT30M")


def _enumeration(values: tuple[str, ...], value: object, at: At) -> Problems:
    if not isinstance(value, str):
        yield _wrong_type(value, "a string", at)
    elif value not in values:
        yield Problem(at, "InvalidValue", _not_one_of(value, list(values)))


def _not_one_of(value: object, values: list[str]) -> str:
    by_case = {one.lower(): one for one in values}
    near = difflib.get_close_matches(str(value).lower(), by_case, n=1, cutoff=0.7)
    hint = f", did you mean {by_case[near[0]]!r}?" if near else ""
    return f"{value!r} is not one of {_listed(values)}{hint}"


def _listed(values: list[str], most: int = 12) -> str:
    shown = ", ".join(repr(value) for value in sorted(values)[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown


def _wrong_type(value: object, wanted: str, at: At) -> Problem:
    return Problem(at, "WrongType", f"{JSON_NAMES.get(type(value), type(value).__name__)}, must be {wanted}")
