"""Path templates of ARM resources, matched without regard to case as ARM does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HOLE = re.compile(r"\{(\w+)\}")
SCOPES = frozenset({"scope", "resourceUri", "resourceId"})
"""Holes that take a whole resource id, slashes included."""


@dataclass(frozen=True)
class PathTemplate:
    """`/subscriptions/{subscriptionId}/…/storageAccounts/{accountName}`."""

    text: str

    @cached_property
    def holes(self) -> tuple[str, ...]:
        """Names of the holes in their order."""
        return tuple(HOLE.findall(self.text))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = HOLE.split(self.text.strip("/"))
        written = [
            re.escape(part) if index % 2 == 0 else f"(?P<{part}>{'.+' if part in SCOPES else '[^/]+'})"
            for index, part in enumerate(parts)
        ]
        return re.compile("".join(written), re.IGNORECASE)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The resource type in lower case: provider namespace and type names after the last `/providers/`."""
        return type_key(HOLE.sub("x", self.text))

    def match(self, path: str) -> dict[str, str] | None:
        """The value of each hole, or `None` when the path is not of this template."""
        found = self._pattern.fullmatch(path.strip("/"))
        if found is None:
            return None
        return {hole: f"/{value}" if hole in SCOPES else value for hole, value in found.groupdict().items()}

    def fill(self, values: Mapping[str, str]) -> str:
        """The path with every hole filled; `KeyError` names a hole without a value."""
        return "/" + HOLE.sub(lambda hole: values[hole.group(1)].strip("/"), self.text).lstrip("/")


def type_key(path: str) -> tuple[str, ...]:
    """`…/providers/Microsoft.Storage/storageAccounts/a/blobServices/default` -> its literal words, in lower case."""
    words = path.strip("/").lower().split("/")
    if "providers" in words:
        start = len(words) - words[::-1].index("providers")
        return (words[start], *words[start + 1 :: 2]) if start < len(words) else ()
    return tuple(words[::2])
