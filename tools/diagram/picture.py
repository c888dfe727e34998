"""The whole page: what is on it, before anything has a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.diagram.boxes import Box, boxes_of
from tools.diagram.items import Items
from tools.diagram.network import Network, network_of
from tools.diagram.rights import Rights, rights_of
from tools.diagram.wires import wires_of

STEPS: Mapping[str, str] = {
    "DataVersion": "data version",
    "TrainingJob": "training job",
    "PromotedModel": "promoted model",
    "QualityGate": "quality gate",
    "ModelVersion": "model version",
    "ContainerImage": "container image",
    "ImportedImage": "imported image",
    "Rollout": "rollout",
}
"""The life of a model, in its order, by the class of the resource."""


@dataclass(frozen=True)
class Picture:
    """Everything that is drawn. `steps` are those that each of the `systems` goes through."""

    stack: str
    subtitle: str
    boxes: tuple[Box, ...]
    wires: tuple[tuple[str, str], ...]
    network: Network
    steps: tuple[str, ...]
    systems: tuple[str, ...]
    rights: Rights


def picture(stack: str, configuration: Mapping[str, Any], items: Items) -> Picture:
    """Puts a page together, of a stack's configuration (keys without namespace) and of what it declares."""
    boxes = boxes_of(items)
    profile = configuration.get("networkProfile")
    words = [f"network profile {profile}" if profile else "", str(configuration.get("location") or "")]
    systems = {str(inputs.get("system") or "") for kind in STEPS for inputs in items.steps.get(kind, ())}
    return Picture(
        stack=stack,
        subtitle=", ".join([*filter(None, words), f"{items.total + 1} resources"]),
        boxes=tuple(boxes),
        wires=tuple(wires_of(items, boxes)),
        network=network_of(items, boxes),
        steps=tuple(words for kind, words in STEPS.items() if kind in items.steps),
        systems=tuple(sorted(systems - {""})),
        rights=rights_of(items, boxes),
    )
