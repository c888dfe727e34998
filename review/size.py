"""Keeps a comment below what the services take: whole sections go, in a fixed order, never half of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LIMIT = 65_000
"""Characters. GitHub takes 65,536 of them, Azure DevOps 150,000; both count more than one for some of them."""
MOST_ROWS, MOST_ACCESS, MOST_FINDINGS = 10, 6, 8
"""Of one kind, before the folds: nobody reads more than a screen."""


@dataclass(frozen=True)
class Section:
    """A part of a comment. Those with the highest `rank` go first; one of rank 0 stays."""

    title: str
    text: str
    rank: int = 0


def length(text: str) -> int:
    """How long a service finds a text: UTF-16 units, in which an emoji counts twice."""
    return len(text.encode("utf-16-le")) // 2


def fitted(sections: Sequence[Section], limit: int = LIMIT) -> str:
    """The sections below each other; a last line says which are not there."""
    kept, dropped = list(sections), list[str]()
    while kept and length(_joined(kept, dropped)) > limit:
        worst = max(range(len(kept)), key=lambda index: (kept[index].rank, length(kept[index].text)))
        if kept[worst].rank == 0:
            break
        dropped.append(kept.pop(worst).title)
    return _joined(kept, dropped)


def _joined(kept: Sequence[Section], dropped: Sequence[str]) -> str:
    parts = [section.text.strip("\n") for section in kept if section.text.strip()]
    if dropped:
        listed = ", ".join(sorted(dropped))
        parts.append(
            f"_Left out, because a comment has room for {LIMIT:,} characters: {listed}. The JSON file has all._"
        )
    return "\n\n".join(parts) + "\n"
