"""One resource type: where its ARM path is, and the place of each Pulumi input and output in request and response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from emulator.resource_types.schema import ArmType, Limits, ModelReference, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.resource_types.layout import Layout, Move
    from emulator.resource_types.path import PathTemplate

ID_OF_TYPE = "azure-native:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Pulumi input goes: a hole of the path, a query parameter, or steps into the body (`at`)."""

    kind: Literal["path", "query", "body"]
    at: tuple[str, ...]
    layout: str | None = None
    """Nested types that lie differently in the body, as `[T]`, `{T}` or `A|B`; `None` when the value goes as it is."""


@dataclass(frozen=True, slots=True)
class Input:
    """One Pulumi input."""

    place: Place
    required: bool = False
    replaces: bool = False

    @classmethod
    def read(cls, text: str) -> Input:
        """`body:properties/sku as=[SkuArgs] required replaces` -> the input."""
        where, *words = text.split(" ")
        kind, _, at = where.partition(":")
        if kind not in ("path", "query", "body"):
            raise ValueError(f"{text!r}: an input begins with path:, query: or body:")
        layout = next((word[3:] for word in words if word.startswith("as=")), None)
        place = Place(kind, tuple(at.split("/")), layout)  # type: ignore[arg-type]
        return cls(place, required="required" in words, replaces="replaces" in words)

    def write(self) -> str:
        """The input as the table has it."""
        words = [f"{self.place.kind}:{'/'.join(self.place.at)}"]
        words += [f"as={self.place.layout}"] if self.place.layout else []
        words += ["required"] if self.required else []
        words += ["replaces"] if self.replaces else []
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A hole of the path. `input` is the Pulumi input that fills it; `None` for the provider's own subscription."""

    input: str | None
    limits: Limits
    values: tuple[str, ...] = ()
    prefix: str = ""
    """What stands in the input before that which fills the hole: `factories/` of `factories/adf-a`."""

    def inner(self, given: str) -> str:
        """What of an input's value fills the hole."""
        return given.removeprefix(self.prefix)


@dataclass(frozen=True, slots=True)
class Operation:
    """One HTTP method of a resource."""

    body: str | None = None
    """Name of the body's model."""
    long_running: bool = False


@dataclass(frozen=True, slots=True)
class Autoname:
    """Which input azure-native names by itself: `random` adds a suffix, `copy` is the logical name."""

    input: str
    rule: Literal["random", "copy", "uuid"]


@dataclass(frozen=True)
class ResourceEntry:
    """What the table knows of one resource type."""

    token: str
    """The Pulumi type, for instance `azure-native:storage:StorageAccount`."""
    api_version: str
    """The API version azure-native uses, and the one a request must carry to be checked."""
    model_api_version: str
    """The API version of the models the bodies are checked against (nearly always the same)."""
    path: PathTemplate
    parameters: Mapping[str, PathParameter]
    operations: Mapping[str, Operation]
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Move]
    read_only: frozenset[tuple[str, ...]]
    autoname: Autoname | None
    created_by_azure: bool
    """Azure makes the object together with its parent, so that creating it means changing it."""
    schema: Schema
    layouts: Mapping[str, Layout]

    @property
    def name(self) -> str:
        return self.token.removeprefix(ID_OF_TYPE)

    def body_type(self, method: str = "PUT") -> ArmType | None:
        """The model of a method's body; `None` when the method takes none."""
        operation = self.operations.get(method.upper())
        return ModelReference(operation.body) if operation and operation.body else None


def read_parameters(written: Mapping[str, Mapping[str, Any]]) -> dict[str, PathParameter]:
    """Path parameters by hole, from the table."""
    parameters = {}
    for hole, details in written.items():
        limits = {key: value for key, value in details.items() if key not in ("input", "values", "prefix")}
        values = tuple(details.get("values", ()))
        parameters[hole] = PathParameter(details.get("input"), Limits(**limits), values, details.get("prefix", ""))
    return parameters
