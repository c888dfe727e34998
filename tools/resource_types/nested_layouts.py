"""Works out which nested Pulumi types differ from ARM's JSON, and how. Types that are the same get no layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.resource_types.layout import KEYS, Layout, Move
from emulator.resource_types.schema import ArmType, ArrayOf, MapOf, ModelReference
from tools.resource_types.pulumi_sdk import PulumiModule, PulumiProperty, PulumiType

if TYPE_CHECKING:
    from tools.resource_types.placement import Placement


@dataclass(slots=True)
class NestedLayouts:
    """The layouts of one SDK module, found on the way down from the resources asked for."""

    module: PulumiModule
    placement: Placement
    found: dict[str, Layout] = field(default_factory=dict)
    unplaced: set[str] = field(default_factory=set)
    """`Type.property` for what the models do not have."""
    _done: dict[str, bool] = field(default_factory=dict)

    def layout_of(self, pulumi: PulumiType, arm: ArmType, *, output: bool) -> str | None:
        """The notation of a type's layout: `[T]`, `{T}`, `A|B`, `T`, `keys`; `None` when both sides are the same."""
        if output:
            pulumi = self._output_union(pulumi, arm)
        if pulumi.kind == "array" and isinstance(arm, ArrayOf):
            inner = self.layout_of(pulumi.parts[0], arm.items, output=output)
            return inner and f"[{inner}]"
        if pulumi.kind == "array" and isinstance(arm, MapOf):
            return KEYS
        if pulumi.kind == "map" and isinstance(arm, MapOf):
            inner = self.layout_of(pulumi.parts[0], arm.values, output=output)
            return inner and f"{{{inner}}}"
        if pulumi.kind == "union":
            members = [self.layout_of(part, arm, output=output) for part in pulumi.parts]
            return "|".join(member for member in members if member) or None
        if pulumi.kind == "object":
            return pulumi.name if self._differs(pulumi.name, arm, output=output) else None
        return None

    def _differs(self, name: str, arm: ArmType, *, output: bool) -> bool:
        if name not in self._done:
            self._done[name] = False  # a type that holds itself is the same until a property says otherwise
            properties = self.module.properties(name)
            constants = {wire: item.constant for wire, item in properties.items() if item.constant is not None}
            arm = self.placement.narrow(arm, [str(value) for value in constants.values()])
            moves = self._moves(name, properties, arm, output=output)
            if moves:
                self.found[name] = Layout(moves, constants)
                self._done[name] = True
        return self._done[name]

    def _moves(
        self, name: str, properties: dict[str, PulumiProperty], arm: ArmType, *, output: bool
    ) -> dict[str, Move]:
        moves = {}
        for wire, item in properties.items():
            place = self.placement.find(wire, arm, read_only=output)
            if place is None:
                self.unplaced.add(f"{name}.{wire}")
                continue
            at, property_ = place
            layout = self.layout_of(item.type, property_.type, output=output)
            if at != (wire,) or layout:
                moves[wire] = Move(at, layout)
        return moves

    def _output_union(self, pulumi: PulumiType, arm: ArmType) -> PulumiType:
        """The SDK types the unions of its outputs as `Any`: name their members after the ARM models."""
        if pulumi.kind != "any" or not isinstance(arm, ModelReference):
            return pulumi
        models = [arm.name, *self.placement.schema.descendants(arm.name).values()]
        names = [f"{model}Response" for model in dict.fromkeys(models)]
        members = tuple(PulumiType("object", name) for name in names if name in self.module.classes)
        return PulumiType("union", parts=members)
