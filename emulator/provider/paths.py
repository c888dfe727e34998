"""Property paths as Pulumi writes them: `a.b[0]["c.d"]`."""

from __future__ import annotations

import json
import re

Step = str | int
PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def text_of(path: tuple[Step, ...]) -> str:
    """The path as one text."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step)}]"
    return text
