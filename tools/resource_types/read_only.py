"""Which parts of a resource's document only the service sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.resource_types.schema import ArmType, ModelReference, Property, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadOnlyPaths:
    """Walks the models of a request and a response side by side; lists and free keys are not entered."""

    schema: Schema

    def find(self, body: ArmType | None, response: ArmType | None) -> set[Path]:
        """Paths that are read-only in either model, or only in the response; never one that some request may carry."""
        asked = list(self._walk(body, (), frozenset())) if body else []
        answered = list(self._walk(response, (), frozenset())) if response else []
        writable = {path for path, read_only in asked if not read_only}
        parents = {path[:-1] for path, _ in asked} | {()}
        found = {path for path, read_only in asked + answered if read_only}
        found |= {path for path, _ in answered if path not in writable and path[:-1] in parents}
        found -= writable
        return {path for path in found if not any(path[:length] in found for length in range(1, len(path)))}

    def _walk(self, type_: ArmType, at: Path, above: frozenset[str]) -> Iterator[tuple[Path, bool]]:
        if isinstance(type_, ModelReference):
            if type_.name in above:
                return
            above |= {type_.name}
        for name, property_ in self._properties(type_):
            yield (*at, name), property_.read_only
            if not property_.read_only:
                yield from self._walk(property_.type, (*at, name), above)

    def _properties(self, type_: ArmType) -> Iterator[tuple[str, Property]]:
        """Those of the type and of every model a discriminator can choose."""
        yield from self.schema.properties(type_).items()
        if isinstance(type_, ModelReference):
            for model in set(self.schema.descendants(type_.name).values()):
                yield from self.schema.model(model).properties.items()
