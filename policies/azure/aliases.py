"""Aliases: the names that rules have for properties, and where in the body each lies."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EACH = "*"
"""A step of a path: every element of a list."""
STEP = re.compile(r"\[\*\]|[^.\[\]]+")


@dataclass(frozen=True)
class Alias:
    """One name, for instance `Microsoft.KeyVault/vaults/networkAcls.ipRules[*].value`."""

    name: str
    resource_type: str
    path: str
    """`properties.networkAcls.ipRules[*].value`."""
    steps: tuple[str, ...]
    filled_in: bool = False
    """Azure fills it in once the resource exists; a request never holds it."""

    @classmethod
    def of(cls, name: str, resource_type: str, path: str, *, filled_in: bool = False) -> Alias:
        """An alias by its path."""
        return cls(name, resource_type, path, steps_of(path), filled_in)

    @property
    def collection(self) -> bool:
        """Whether it stands for every element of a list."""
        return EACH in self.steps


def steps_of(path: str) -> tuple[str, ...]:
    """`properties.ipRules[*].value` -> `("properties", "ipRules", "*", "value")`."""
    return tuple(EACH if step == "[*]" else step for step in STEP.findall(path))


class Aliases:
    """All aliases there are, found without regard to case."""

    def __init__(self, aliases: Iterable[Alias]) -> None:
        self._by_name = {one.name.casefold(): one for one in aliases}

    def find(self, name: str) -> Alias | None:
        """The alias of a name."""
        return self._by_name.get(name.casefold())

    def __iter__(self) -> Iterator[Alias]:
        return iter(self._by_name.values())


def read_csv(file: Path) -> Aliases:
    """The aliases of a table with the columns `alias`, `resource_type`, `arm_path` and `server_populated`."""
    with file.open(newline="", encoding="utf-8") as lines:
        return Aliases(
            Alias.of(row["alias"], row["resource_type"], row["arm_path"], filled_in=row["server_populated"] == "yes")
            for row in csv.DictReader(lines)
        )


def of_provider(document: Mapping[str, Any]) -> Iterator[Alias]:
    """The aliases that a resource provider publishes: `GET …/providers/{name}?$expand=resourceTypes/aliases`
    (https://learn.microsoft.com/rest/api/resources/providers/get). One without a default path has none in this version.
    """
    for kind in document.get("resourceTypes") or []:
        for alias in kind.get("aliases") or []:
            paths = alias.get("paths") or []
            path = alias.get("defaultPath") or (paths[0].get("path") if paths else None)
            if path:
                yield Alias.of(alias["name"], f"{document['namespace']}/{kind['resourceType']}", path)
