"""Finds a system by its folder in `ml/systems/`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from infra.platform import Platform


class System(Protocol):
    """What `ml/systems/<name>/system.py` builds; `outputs` is what the stack shows of it."""

    outputs: Mapping[str, Any]


def load_system(name: str) -> Callable[[str, Platform], System]:
    """The `System` class of `ml/systems/<name>/system.py`."""
    built: Callable[[str, Platform], System] = importlib.import_module(f"ml.systems.{name}.system").System
    return built
