"""Nested Pulumi types whose properties lie elsewhere, or under other names, in ARM's JSON.

Nearly all nested types are the same on both sides and need no layout. The others name only the properties that move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]
Json = Any
Convert = Callable[[Json, str], Json]


@dataclass(frozen=True, slots=True)
class Move:
    """Where one property lies in ARM's object, and the layout of its own value."""

    at: Path
    layout: str | None = None

    @classmethod
    def read(cls, text: str) -> Move:
        """`properties/rules as=[RuleArgs]` -> the move."""
        where, _, layout = text.partition(" as=")
        return cls(tuple(where.split("/")), layout or None)

    def write(self) -> str:
        """The move as the table has it."""
        return "/".join(self.at) + (f" as={self.layout}" if self.layout else "")


@dataclass(frozen=True, slots=True)
class Layout:
    """One nested type."""

    moves: Mapping[str, Move]
    constants: Mapping[str, Json] = field(default_factory=dict)
    """Properties with one fixed value; they choose the layout of a union."""

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Layout:
        """The layout from the table."""
        moves = {name: Move.read(text) for name, text in written["moves"].items()}
        return cls(moves, written.get("where", {}))

    def write(self) -> dict[str, Any]:
        """The layout as the table has it."""
        written: dict[str, Any] = {"moves": {name: move.write() for name, move in sorted(self.moves.items())}}
        return {"where": dict(self.constants), **written} if self.constants else written


def put(root: dict[str, Json], at: Path, value: Json) -> None:
    """Set a value inside nested objects, making those that are missing."""
    for step in at[:-1]:
        root = root.setdefault(step, {})
    root[at[-1]] = value


def get(root: Json, at: Path) -> Json:
    """The value at a path, or `None` where the path ends early."""
    for step in at:
        if not isinstance(root, Mapping) or step not in root:
            return None
        root = root[step]
    return root


KEYS = "keys"
"""The layout of a list of strings that are the keys of an object in ARM, such as `userAssignedIdentities`."""


@dataclass(frozen=True, slots=True)
class Arranger:
    """Rearranges values between Pulumi's nested types and ARM's JSON."""

    layouts: Mapping[str, Layout]

    def to_arm(self, value: Json, layout: str | None) -> Json:
        """A Pulumi value as ARM wants it."""
        if layout == KEYS:
            return {str(item): {} for item in value} if isinstance(value, list) else value
        return self._each(value, layout, self.to_arm, self._object_to_arm)

    def from_arm(self, value: Json, layout: str | None) -> Json:
        """An ARM value as Pulumi's programs see it."""
        if layout == KEYS:
            return list(value) if isinstance(value, Mapping) else value
        return self._each(value, layout, self.from_arm, self._object_from_arm)

    def _each(self, value: Json, layout: str | None, inner: Convert, convert: Convert) -> Json:
        if layout is None or value is None:
            return value
        if layout[0] == "[":
            return [inner(item, layout[1:-1]) for item in value] if isinstance(value, list) else value
        if layout[0] == "{":
            if not isinstance(value, Mapping):
                return value
            return {key: inner(item, layout[1:-1]) for key, item in value.items()}
        return convert(value, layout) if isinstance(value, Mapping) else value

    def _object_to_arm(self, value: Mapping[str, Json], names: str) -> Json:
        layout = self._choose(names, value.get)
        if layout is None:
            return value
        arranged: dict[str, Json] = {}
        for name, item in value.items():
            move = layout.moves.get(name, Move((name,)))
            put(arranged, move.at, self.to_arm(item, move.layout))
        return arranged

    def _object_from_arm(self, value: Mapping[str, Json], names: str) -> Json:
        layout = self._choose(names, value.get)
        if layout is None:
            return value
        taken = {move.at[0] for move in layout.moves.values()}
        arranged = {name: item for name, item in value.items() if name not in taken or name in layout.moves}
        for name, move in layout.moves.items():
            found = self.from_arm(get(value, move.at), move.layout)
            arranged.pop(name, None)
            if found is not None:
                arranged[name] = found
        return arranged

    def _choose(self, names: str, value_of: Callable[[str], Json]) -> Layout | None:
        known = [self.layouts[name] for name in names.split("|") if name in self.layouts]
        fitting = (one for one in known if all(value_of(key) == wanted for key, wanted in one.constants.items()))
        return next(fitting, None)
