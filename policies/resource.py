"""One resource of a plan, as rules, estimates and reports see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that is not known yet, alone or inside a longer text."""
SECRET = "[secret]"  # noqa: S105 - what the engine writes in the place of one
AZURE = "azure-native:"


@dataclass(frozen=True)
class Resource:
    """What the program declared. In `inputs` the engine's `UNKNOWN` and `SECRET` stand for what is not known or shown;
    keys are Pulumi's (`accountName`), keys that begin with two underscores are left out.
    """

    urn: str
    type: str
    """`azure-native:storage:StorageAccount`, `pulumi-python:dynamic/ml:TrainingJob`, or a component's own."""
    inputs: Mapping[str, Any]
    parent: str = ""
    depends_on: Sequence[str] = ()
    protect: bool = False

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.urn.rsplit("::", 1)[1]

    @property
    def kind(self) -> str:
        """The last word of its type: `StorageAccount`."""
        return self.type.rsplit(":", 1)[1]


def is_unknown(value: Any) -> bool:
    """Whether any part of a value is known only once it is made."""
    if isinstance(value, str):
        return UNKNOWN in value
    if isinstance(value, Mapping):
        return any(is_unknown(inner) for inner in value.values())
    return isinstance(value, list | tuple) and any(is_unknown(inner) for inner in value)
