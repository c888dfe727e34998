"""A resource as a rule reads it: what is not known yet cannot be read by mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.configuration import Configuration
from policies.resource import AZURE, UNKNOWN, Resource

OURS = "pulumi-python:dynamic/ml:"
"""How the types of our own resources begin."""


class NotKnownYet(Exception):
    """A rule asked for a value that is known only at the update; the rule is checked then."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Known(Mapping[str, Any]):
    """A mapping whose unknown values raise NotKnownYet when they are read."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    def __getitem__(self, key: str) -> Any:
        return read(self._values[key], f"{self._path}.{key}" if self._path else key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values


class KnownList(Sequence[Any]):
    """A list whose unknown entries raise NotKnownYet when they are read."""

    def __init__(self, values: Sequence[Any], path: str) -> None:
        self._values = values
        self._path = path

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return KnownList(self._values[index], self._path)
        return read(self._values[index], f"{self._path}[{index}]")

    def __len__(self) -> int:
        return len(self._values)


def read(value: Any, path: str) -> Any:
    """A value, in a form that watches what is read of it.

    Raises:
        NotKnownYet: it is a text with an unknown part.
    """
    if isinstance(value, str) and UNKNOWN in value:
        raise NotKnownYet(path)
    if isinstance(value, Mapping):
        return Known(value, path)
    if isinstance(value, list | tuple):
        return KnownList(value, path)
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class View:
    """A resource and the configuration of its stack."""

    resource: Resource
    config: Configuration = field(default_factory=Configuration)

    @property
    def urn(self) -> str:
        """Its URN."""
        return self.resource.urn

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.resource.name

    @property
    def type(self) -> str:
        """Its whole type."""
        return self.resource.type

    @property
    def short_type(self) -> str:
        """`storage:StorageAccount` of azure-native, `ml:TrainingJob` of ours, else the whole type."""
        return short_type(self.resource.type)

    @property
    def inputs(self) -> Known:
        """All that the program says of it."""
        return Known(self.resource.inputs)

    def has(self, path: str) -> bool:
        """Whether something is written at a path such as `networkAcls.defaultAction`, known or not.

        Raises:
            NotKnownYet: it lies in something that is not known as a whole.
        """
        *above, last = path.split(".")
        holder = self.get(".".join(above)) if above else self.inputs
        return isinstance(holder, Mapping) and last in holder and not _is_none(holder, last)

    def get(self, path: str, default: Any = None) -> Any:
        """The value at a path; `default` where nothing is written.

        Raises:
            NotKnownYet: it is known only at the update.
        """
        found: Any = self.inputs
        for step in path.split("."):
            if not isinstance(found, Mapping) or step not in found:
                return default
            found = found[step]
        return default if found is None else found


def _is_none(holder: Mapping[str, Any], key: str) -> bool:
    try:
        return holder[key] is None
    except NotKnownYet:
        return False


def short_type(type_: str) -> str:
    """A type without what all of its kind begin with, and without a version: `storage/v20240101:StorageAccount` of
    azure-native is `storage:StorageAccount`.
    """
    if type_.startswith(OURS):
        return f"ml:{type_.removeprefix(OURS)}"
    if not type_.startswith(AZURE):
        return type_
    module, _, kind = type_.removeprefix(AZURE).partition(":")
    return f"{module.partition('/')[0]}:{kind}"
