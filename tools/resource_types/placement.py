"""Finds the place of a Pulumi property in an ARM model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.resource_types.schema import ArmType, InlineObject, ModelReference, Property, Schema
from tools.resource_types.syntax import letters

if TYPE_CHECKING:
    from collections.abc import Callable

Path = tuple[str, ...]
Candidate = tuple[Path, Property]


@dataclass(slots=True)
class Placement:
    """Places the properties of one package's models: on top first, then inside flattened containers."""

    schema: Schema
    _known: dict[str, list[Candidate]] = field(default_factory=dict)

    def find(self, name: str, type_: ArmType, *, read_only: bool) -> Candidate | None:
        """Where `name` lies in a model; read-only properties only count when asked for.

        The same name wins, then the package's own name for it, then the same letters in other case.
        """
        candidates = [one for one in self.candidates(type_) if read_only or not one[1].read_only]
        tests: list[Callable[[Candidate], bool]] = [
            lambda candidate: candidate[0][-1] == name,
            lambda candidate: letters(candidate[1].client_name) == letters(name),
            lambda candidate: letters(candidate[0][-1]) == letters(name),
        ]
        hits = (next(filter(test, candidates), None) for test in tests)
        return next((hit for hit in hits if hit), None)

    def candidates(self, type_: ArmType) -> list[Candidate]:
        """Every property a name could stand for, outer ones first."""
        if not isinstance(type_, ModelReference):
            return self._list(type_)
        if type_.name not in self._known:
            self._known[type_.name] = self._list(type_)
        return self._known[type_.name]

    def _list(self, type_: ArmType) -> list[Candidate]:
        direct: list[Candidate] = []
        inside: list[Candidate] = []
        for name, property_ in self.schema.properties(type_).items():
            direct.append(((name,), property_))
            flattened = name == "properties" and isinstance(property_.type, ModelReference)
            if flattened or isinstance(property_.type, InlineObject):
                inside += [((name, *path), inner) for path, inner in self.candidates(property_.type)]
        return direct + inside

    def narrow(self, type_: ArmType, constants: list[str]) -> ArmType:
        """Follow a discriminator, through abstract levels, to the model that has one of the fixed values."""
        if isinstance(type_, ModelReference):
            known = {letters(value): model for value, model in self.schema.descendants(type_.name).items()}
            for constant in constants:
                if letters(constant) in known:
                    return ModelReference(known[letters(constant)])
        return type_
