"""Checks a program's inputs and fills in names and location."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.provider.autonaming import automatic_name
from emulator.provider.paths import text_of
from emulator.provider.values import Properties, is_unknown
from emulator.resource_types import check_body
from emulator.resource_types.conversion import input_path, request_body
from emulator.resource_types.limits import broken_limits

if TYPE_CHECKING:
    from emulator.resource_types import ResourceEntry


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong with one input; `property` is its path as the program writes it."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class Naming:
    """How to name a resource whose program does not: the engine may propose a name, or forbid making one up."""

    logical_name: str
    seed: bytes = b""
    proposed: str = ""
    forbidden: bool = False


@dataclass(slots=True)
class Checked:
    """Inputs with names and location filled in, and what is wrong with them."""

    inputs: Properties
    failures: list[Failure] = field(default_factory=list)


def check(entry: ResourceEntry, news: Properties, olds: Mapping[str, Any], naming: Naming, location: str) -> Checked:
    """Inputs that can be sent, or what is wrong with them, each under the name the program uses."""
    unknown_names = [Failure(name, _unknown_property(entry, name)) for name in news if name not in entry.inputs]
    if unknown_names:
        return Checked(news, unknown_names)
    inputs = dict(news)
    _fill_name(entry, inputs, olds, naming)
    if location and "location" in entry.inputs:
        inputs.setdefault("location", location)
    return Checked(inputs, [*_path_failures(entry, inputs), *_body_failures(entry, inputs)])


def _fill_name(entry: ResourceEntry, inputs: Properties, olds: Mapping[str, Any], naming: Naming) -> None:
    rule = entry.autoname
    if rule is None or rule.input in inputs:
        return
    if rule.input in olds:
        inputs[rule.input] = olds[rule.input]
    elif not naming.forbidden:
        inputs[rule.input] = naming.proposed or automatic_name(rule, naming.logical_name, naming.seed)


def _unknown_property(entry: ResourceEntry, name: str) -> str:
    near = difflib.get_close_matches(name, entry.inputs, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(sorted(entry.inputs))}"
    return f"{entry.token} has no input {name!r}: {hint}"


def _path_failures(entry: ResourceEntry, inputs: Properties) -> Iterator[Failure]:
    for parameter in entry.parameters.values():
        name = parameter.input
        if name is None:
            continue
        value = inputs.get(name)
        if value is None:
            yield Failure(name, f"required input missing: {entry.token} needs {name!r}")
        elif isinstance(value, str):
            if not value.startswith(parameter.prefix):
                yield Failure(name, f"{value!r} does not begin with {parameter.prefix!r}")
            yield from (Failure(name, text) for text in broken_limits(parameter.limits, parameter.inner(value)))
            if parameter.values and value.lower() not in {known.lower() for known in parameter.values}:
                yield Failure(name, f"{value!r} is not one of {', '.join(parameter.values)}")


def _body_failures(entry: ResourceEntry, inputs: Properties) -> Iterator[Failure]:
    for problem in check_body(entry, request_body(entry, inputs), unknown=is_unknown):
        yield Failure(text_of(input_path(entry, problem)), problem.message)
