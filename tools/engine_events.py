"""The engine's stream of events: one JSON document a line, with words in between
(pulumi/sdk/go/common/apitype/events.go).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def parse(line: str) -> Mapping[str, Any] | None:
    """An event; None for words."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
