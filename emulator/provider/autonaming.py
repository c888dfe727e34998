"""Names for what a program leaves unnamed, by azure-native's rules."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.resource_types.entry import Autoname

SUFFIX_LENGTH = 8


def automatic_name(rule: Autoname, logical_name: str, seed: bytes) -> str:
    """The same name for the same seed: the engine sends the same one in preview and update."""
    digest = hashlib.sha256(seed + logical_name.encode()).digest()
    if rule.rule == "uuid":
        return str(uuid.UUID(bytes=digest[:16], version=4))
    return logical_name + digest.hex()[:SUFFIX_LENGTH] if rule.rule == "random" else logical_name
