"""How kinds of systems are put together from the resources of `ml/resources`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ml.recipes import training_table
from ml.recipes.served_model import ServedModel
from ml.system import find

if TYPE_CHECKING:
    from infra.platform import Platform


class System(Protocol):
    """What a recipe builds."""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack shows of the system."""


def build(name: str, platform: Platform) -> System:
    """Declares the resources of the system in `ml/systems/<name>`."""
    return ServedModel(name, find(name), platform)


def build_table(name: str, platform: Platform) -> None:
    """Declares how the stack's Data Factory makes the training table of the system in `ml/systems/<name>`."""
    training_table.declare(name, platform)
