"""The classes and enumerations of a package's `models` folder."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.resource_types.schema import Enumeration
from tools.resource_types.syntax import parse_file, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class ClassIndex:
    """What the files of a `models` folder define."""

    classes: dict[str, ast.ClassDef]
    enumerations: dict[str, dict[str, str]]
    """Enumeration -> member name -> value."""

    @classmethod
    def read(cls, folder: Path) -> ClassIndex:
        """Reads a `models` folder."""
        classes: dict[str, ast.ClassDef] = {}
        enumerations: dict[str, dict[str, str]] = {}
        for file in sorted(folder.glob("*.py")):
            if file.name in ("__init__.py", "_patch.py"):
                continue
            for node in parse_file(file).body:
                if isinstance(node, ast.ClassDef) and _is_enumeration(node):
                    enumerations[node.name] = _members(node)
                elif isinstance(node, ast.ClassDef):
                    classes[node.name] = node
        return cls(classes, enumerations)

    def enumeration(self, name: str) -> Enumeration | None:
        """The enumeration of this name, if there is one."""
        members = self.enumerations.get(name)
        return Enumeration(name, tuple(dict.fromkeys(members.values()))) if members is not None else None

    def bases(self, name: str) -> list[str]:
        """The direct bases that are models too."""
        names = [ast.unparse(base).split(".")[-1] for base in self.classes[name].bases]
        return [base for base in names if base in self.classes]

    def lineage(self, name: str) -> Iterator[ast.ClassDef]:
        """The class, then its bases, nearest first."""
        yield self.classes[name]
        for base in self.bases(name):
            yield from self.lineage(base)


def _is_enumeration(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).split(".")[-1] == "Enum" for base in node.bases)


def _members(node: ast.ClassDef) -> dict[str, str]:
    members = {}
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            value = text_of(line.value)
            if value is not None:
                members[line.targets[0].id] = value
    return members
