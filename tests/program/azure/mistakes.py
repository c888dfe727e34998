"""Mistakes that a person could make in `infra/`, as they would be seen in what a program registers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.program.azure.declared import Declared
from tests.program.recorder import Recording, Registered

Change = Callable[[Registered], Registered | None]


@dataclass(frozen=True)
class Mistake:
    """`change` of the resource `name` in a stack; `check` says something with `said` in it. `None`: it is not there."""

    name: str
    change: Change
    check: str
    said: str
    stack: str = "prod-private"

    def made(self, sound: Declared) -> Declared:
        """The stack with the mistake in it."""
        found = [one for one in sound.recording.resources if one.name == self.name and one.custom]
        if len(found) != 1:
            raise AssertionError(f"{self.stack} has {len(found)} resources called {self.name}")
        changed = [
            made
            for one in sound.recording.resources
            if (made := self.change(one) if one is found[0] else one) is not None
        ]
        return Declared(replace(sound.recording, resources=changed), sound.config)


def given(at: str, value: Any) -> Change:
    """Another value of an input, such as `properties/sku/name` or `rules/0/name`."""

    def change(one: Registered) -> Registered:
        inputs = copy.deepcopy(one.inputs)
        *above, last = at.split("/")
        place: Any = inputs
        for step in above:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        step_in = int(last) if isinstance(place, list) else last
        if value is None:
            del place[step_in]
        else:
            place[step_in] = value
        return replace(one, inputs=inputs)

    return change


def left_out(at: str) -> Change:
    """An input that is not given."""
    return given(at, None)


def gone(_: Registered) -> None:
    """The resource is not declared."""


def not_waiting(word: str) -> Change:
    """Nothing of that logical name is waited for."""

    def change(one: Registered) -> Registered:
        kept = frozenset(urn for urn in one.depends_on if urn.rsplit("::", 1)[1] != word)
        if kept == one.depends_on:
            raise AssertionError(f"{one.name} does not wait for {word}")
        return replace(one, depends_on=kept)

    return change


def with_fields(**fields: Any) -> Change:
    """Another option or type of the resource."""
    return lambda one: replace(one, **fields)


def shown(name: str, value: str) -> Callable[[Declared], Declared]:
    """An output of the stack."""

    def change(sound: Declared) -> Declared:
        outputs = copy.deepcopy(sound.recording.outputs)
        (stack,) = (urn for urn in outputs if "::pulumi:pulumi:Stack::" in urn)
        outputs[stack][name] = value
        recording = Recording(sound.recording.resources, outputs, sound.recording.secret_exports)
        return Declared(recording, sound.config)

    return change
