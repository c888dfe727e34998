"""The published shape of ARM request bodies, as small immutable values.

A *model* is one class of a published client package: an object with named properties. Types refer to models by name, so
that recursive models are no problem; `Schema` looks the names up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCALARS = frozenset({"any", "bool", "bytes", "date", "datetime", "duration", "float", "int", "string"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """A JSON value without parts; `kind` is one of `SCALARS`. `any` accepts every JSON value."""

    kind: str


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A string that is one of `values`."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """One fixed JSON value; a fixed value the package does not name is `None` and accepts everything."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """A JSON array."""

    items: ArmType


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with free keys."""

    values: ArmType


@dataclass(frozen=True, slots=True)
class ModelReference:
    """An object that a named model describes."""

    name: str


@dataclass(frozen=True, slots=True)
class InlineObject:
    """An object without a name of its own, such as the `properties` container of a flattened model."""

    properties: Mapping[str, Property]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A value that fits at least one of the members."""

    members: tuple[ArmType, ...]


ArmType = Scalar | Enumeration | Constant | ArrayOf | MapOf | ModelReference | InlineObject | AnyOf


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a value: lengths in characters, item counts, numbers; the pattern is searched, not matched in full."""

    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    multiple: float | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a model. `client_name` is the name the package gives it (only the generator needs it)."""

    type: ArmType
    required: bool = False
    read_only: bool = False
    create_only: bool = False
    limits: Limits = NO_LIMITS
    client_name: str = ""


@dataclass(frozen=True, slots=True)
class Discriminator:
    """The property whose value chooses the model, and the models one level below."""

    property: str
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Model:
    """One class of the package. `additional` is the type of free keys beside the named ones."""

    properties: Mapping[str, Property]
    additional: ArmType | None = None
    discriminator: Discriminator | None = None


@dataclass(slots=True)
class Schema:
    """The models of one published package; each is decoded when it is first asked for."""

    read_model: Callable[[str], Model]
    known: dict[str, Model] = field(default_factory=dict)

    def model(self, name: str) -> Model:
        """The model of this name; `KeyError` when the table does not have it."""
        if name not in self.known:
            self.known[name] = self.read_model(name)
        return self.known[name]

    def descendants(self, name: str) -> dict[str, str]:
        """Discriminator value -> model, for every model below `name`, through abstract levels."""
        found: dict[str, str] = {}
        discriminator = self.model(name).discriminator
        for value, model in discriminator.models.items() if discriminator else ():
            found.setdefault(value, model)
            for lower_value, lower_model in self.descendants(model).items():
                found.setdefault(lower_value, lower_model)
        return found

    def narrowed(self, type_: ArmType, value: Mapping[str, object]) -> ArmType:
        """The model that a value's discriminator chooses; the type itself where there is none or it is not known."""
        if not isinstance(type_, ModelReference):
            return type_
        discriminator = self.model(type_.name).discriminator
        chosen = value.get(discriminator.property) if discriminator else None
        model = self.descendants(type_.name).get(chosen) if isinstance(chosen, str) else None
        return ModelReference(model) if model else type_

    def properties(self, type_: ArmType) -> Mapping[str, Property]:
        """The named properties of a type; none for a type that is not an object."""
        if isinstance(type_, InlineObject):
            return type_.properties
        return self.model(type_.name).properties if isinstance(type_, ModelReference) else {}
