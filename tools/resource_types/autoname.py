"""azure-native's rule for names a program leaves out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator.resource_types.entry import Autoname
from emulator.resource_types.path import HOLE

if TYPE_CHECKING:
    from tools.resource_types.pulumi_sdk import PulumiProperty

UUIDS = ("roleAssignmentName", "roleDefinitionId")
ALWAYS_RANDOM = ("endpointName", "customDomainName")


def autoname(path: str, holes: dict[str, str | None], inputs: dict[str, PulumiProperty]) -> Autoname | None:
    """Only the last name of a path: top-level names get a random suffix, names of children are the logical name."""
    names = HOLE.findall(path)
    last = names[-1] if names and path.endswith("}") else None
    wire = holes.get(last) if last else None
    if last is None or wire is None or inputs[wire].required:
        return None
    if last in UUIDS:
        return Autoname(wire, "uuid")
    below_namespace = re.split(r"microsoft\.", path, flags=re.IGNORECASE)
    top_level = len(below_namespace) == 1 or below_namespace[-1].count("{") == 1
    return Autoname(wire, "random" if top_level or last in ALWAYS_RANDOM else "copy")
