"""Chooses the PUT operation a Pulumi resource type stands for, and fills the holes of its path with Pulumi inputs."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from emulator.resource_types.path import HOLE
from emulator.resource_types.schema import ModelReference
from tools.resource_types.syntax import letters

if TYPE_CHECKING:
    from collections.abc import Collection

    from tools.resource_types.operations import PackageOperation
    from tools.resource_types.placement import Placement

FILLED, UNFILLED = 2, -3
TOLERANCE = 5


def holes_of(operation: PackageOperation, inputs: Collection[str]) -> dict[str, str | None]:
    """Hole -> the Pulumi input that fills it; the provider's own subscription is filled by the provider."""
    holes: dict[str, str | None] = {}
    for hole in HOLE.findall(operation.path):
        if hole == "subscriptionId" and hole not in inputs:
            holes[hole] = None
            continue
        known = operation.request.holes.get(hole)
        names = [hole, known.client_name if known else hole]
        fits = (wire for name in names for wire in inputs if letters(wire) == letters(name))
        holes[hole] = next(fits, None)
    return holes


def choose_put(
    name: str, operations: list[PackageOperation], placement: Placement, inputs: Collection[str]
) -> PackageOperation:
    """The PUT whose path and body take most of the inputs; among equals the one named most alike."""
    puts = [(one, holes_of(one, inputs)) for one in operations if one.method == "PUT" and one.body]
    if not puts:
        raise LookupError(f"the package of {name} has no PUT operation with a body")
    most = max(_path_score(holes) for _, holes in puts)
    near = [(one, holes) for one, holes in puts if _path_score(holes) >= most - TOLERANCE]
    return max(near, key=lambda put: _score(name, put[0], put[1], placement, inputs))[0]


def _path_score(holes: dict[str, str | None]) -> int:
    return sum(FILLED if wire else UNFILLED for hole, wire in holes.items() if wire or hole != "subscriptionId")


def _score(
    name: str,
    operation: PackageOperation,
    holes: dict[str, str | None],
    placement: Placement,
    inputs: Collection[str],
) -> float:
    body = ModelReference(operation.body or "")
    used = {wire for wire in holes.values() if wire}
    placed = sum(1 for wire in inputs if wire not in used and placement.find(wire, body, read_only=False))
    groups = (operation.body or "", re.sub(r"Operations$", "", operation.group))
    alike = max(difflib.SequenceMatcher(None, letters(name), letters(group)).ratio() for group in groups)
    unfilled = sum(1 for hole, wire in holes.items() if wire is None and hole != "subscriptionId")
    return len(used) * FILLED + placed + unfilled * UNFILLED + 4 * alike
