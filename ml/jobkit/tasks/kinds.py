"""Every kind of task there is, for those who show figures of any of them. No job imports it."""

from __future__ import annotations

import importlib
from pathlib import Path

from ml.jobkit.tasks.contract import Contract


def contracts() -> list[Contract]:
    """The contract of each kind, by name."""
    found = sorted(path.parent.name for path in Path(__file__).parent.glob("*/contract.py"))
    return [importlib.import_module(f"ml.jobkit.tasks.{kind}.contract").CONTRACT for kind in found]
