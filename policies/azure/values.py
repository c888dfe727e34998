"""Values as Azure Policy compares them, and those that a plan does not know."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from policies.resource import SECRET, UNKNOWN, is_unknown


@dataclass(frozen=True)
class Undecided:
    """In the place of a value or of true and false: it cannot be told from what there is."""

    reason: str
    filled_in: bool = False
    """Azure fills it in once the resource exists."""


Truth = bool | Undecided


def of_body(value: Any, path: str) -> Any:
    """A value of a body, or `Undecided` for one that the plan does not know or show."""
    if value == UNKNOWN:
        return Undecided(f"{path} is known only once it is made")
    return Undecided(f"{path} is a secret") if value == SECRET else value


def settled(value: Any, path: str) -> Any:
    """The value, or `Undecided` when any part of it is not known: what is compared must be known whole."""
    if isinstance(value, Undecided):
        return value
    return Undecided(f"{path} is known only once it is made") if is_unknown(value) else value


def text(value: Any) -> str:
    """A value as conditions compare it: nothing is the empty text, numbers and booleans are written out."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, sort_keys=True) if isinstance(value, Mapping | list) else str(value)


def folded(value: Any) -> str:
    """The text without regard to case."""
    return text(value).casefold()


def get(value: Mapping[str, Any], key: str) -> Any:
    """A property whatever the case of its name; `None` when there is none."""
    if key in value:
        return value[key]
    wanted = key.casefold()
    return next((inner for name, inner in value.items() if name.casefold() == wanted), None)


def every(truths: Iterable[Truth]) -> Truth:
    """Whether all hold: one that does not settles it, whatever is not known besides."""
    undecided: list[Undecided] = []
    for truth in truths:
        if isinstance(truth, Undecided):
            undecided.append(truth)
        elif not truth:
            return False
    return together(undecided) if undecided else True


def negated(truth: Truth) -> Truth:
    """The opposite; what is not known stays so."""
    return truth if isinstance(truth, Undecided) else not truth


def together(undecided: Iterable[Undecided]) -> Undecided:
    """Several reasons as one. Only if Azure fills in each of them nothing else is missing."""
    found = list(undecided)
    reasons = dict.fromkeys(reason for one in found for reason in one.reason.split("; "))
    return Undecided("; ".join(reasons), all(one.filled_in for one in found))
