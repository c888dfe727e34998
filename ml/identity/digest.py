"""Digests that identify what a resource stands for."""

from __future__ import annotations

import hashlib
import json
from typing import Any

LENGTH = 12


def digest(*parts: Any) -> str:
    """12 hexadecimal digits of JSON values; the order of keys does not matter, the order of lists does."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
