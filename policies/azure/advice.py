"""The conditions that a verdict rests on, in words: what was found, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from policies.azure.rule import GIVEN, Leaf

LONGEST = 100
WRITE: Mapping[str, str] = {
    "notEquals": "write {path}: {wanted}",
    "notExists": "write {path}",
    "exists": "leave {path} out",
    "equals": "write {path}: anything but {wanted}",
    "notIn": "write {path}: one of {wanted}",
    "in": "write {path}: none of {wanted}",
    "notLike": "write {path}: matching {wanted}",
    "like": "write {path}: nothing matching {wanted}",
    "less": "write {path}: at least {wanted}",
    "lessOrEquals": "write {path}: more than {wanted}",
    "greater": "write {path}: at most {wanted}",
    "greaterOrEquals": "write {path}: less than {wanted}",
    "notContains": "write {path}: with {wanted} in it",
    "contains": "write {path}: without {wanted}",
    "none": "write {path}: at least one",
}
"""By the condition that holds, what makes it not hold."""
COUNTED = "the number of "
NUMBER: Mapping[str, str] = {
    "equals": "write {path}: not {wanted} of them",
    "notEquals": "write {path}: {wanted} of them",
    "less": "write {path}: at least {wanted} of them",
    "lessOrEquals": "write {path}: more than {wanted} of them",
    "greater": "write {path}: at most {wanted} of them",
    "greaterOrEquals": "write {path}: fewer than {wanted} of them",
}
"""The same for how many elements there are."""
FLIPPED = {"true": "false", "false": "true"}


def found(leaves: Iterable[Leaf]) -> tuple[str, ...]:
    """What was met: `properties.minimumTlsVersion is missing`."""
    return tuple(dict.fromkeys(f"{shown(leaf.path)} is {_found(leaf)}" for leaf in leaves if _telling(leaf)))


def _found(leaf: Leaf) -> str:
    if leaf.operator == "none":
        return "empty"
    return "missing" if leaf.found is None else shown(leaf.found)


def _telling(leaf: Leaf) -> bool:
    """A parameter and the API version are nothing that was found in the body."""
    expression = leaf.path.startswith("[")
    return leaf.path.lower() not in GIVEN and (not expression or "field(" in leaf.path)


def remedies(leaves: Iterable[Leaf], spell: Callable[[str], str]) -> tuple[str, ...]:
    """What to write: one sentence a property, the one that says most of it."""
    said: dict[str, str] = {}
    for leaf in sorted(leaves, key=lambda leaf: leaf.operator in ("notExists", "exists")):
        if leaf.operator in WRITE:
            said.setdefault(leaf.path, _sentence(leaf, spell))
    within = {path for path in said if any(other.startswith(f"{path}.") for other in said)}
    return tuple(sentence for path, sentence in said.items() if path not in within)


def _sentence(leaf: Leaf, spell: Callable[[str], str]) -> str:
    wanted = shown(leaf.wanted)
    path = spell(leaf.path.removeprefix(COUNTED))
    if leaf.path.startswith(COUNTED):
        return NUMBER.get(leaf.operator, "write {path}: another number").format(path=path, wanted=wanted)
    if leaf.operator == "equals" and wanted.lower() in FLIPPED:
        return f"write {path}: {FLIPPED[wanted.lower()]}"
    if leaf.operator == "equals" and leaf.wanted == "":
        return f"write {path}"
    return WRITE[leaf.operator].format(path=path, wanted=wanted)


def shown(value: Any) -> str:
    """A value in a sentence."""
    if isinstance(value, list):
        said = ", ".join(shown(one) for one in value)
    else:
        said = value if isinstance(value, str) and value else json.dumps(value, sort_keys=True)
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
