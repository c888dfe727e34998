"""What resources were called before: a resource that gets another name stays the one that a stack has.

One table for the whole program. Pulumi knows a resource by the types of those above it, its own type and its name; what
differs from today's stands here, and becomes an alias of the resource. What is below a renamed component is found
under the component's old type, and where its name begins with the component's under the old name, without a line of
its own. Every such alias is written out: Pulumi derives a child's from its parent only in the `up` that renames the
parent, and after one that ended in between it would delete the child and make it anew.

A line may go once no stack is left that was last brought up to date before the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Component(NamedTuple):
    """A component by type and name, such as `("mlops:storage:Storage", "lake")`."""

    type: str
    name: str


ROOT = Component("", "")
"""What is above a resource that no component holds."""


@dataclass(frozen=True)
class Former:
    """What a resource was before, as far as that differs: its name, its type, the component that it was declared in.

    In `name` and `parent`, `{system}` stands for each system of the stack.
    """

    name: str = ""
    type: str = ""
    parent: Component | None = None

    @property
    def is_of_systems(self) -> bool:
        """Whether it stands for one thing a system."""
        return "{system}" in self.name + (self.parent.name if self.parent else "")

    def of(self, system: str) -> Former:
        """The same, of one system."""
        above = self.parent and Component(self.parent.type, self.parent.name.format(system=system))
        return Former(self.name.format(system=system), self.type, above)


FORMER: Mapping[Component, Sequence[Former]] = MappingProxyType(
    {
        # One for all systems since two of them may serve in groups: it was a child of the first one's groups.
        Component("mlops:authorization:RoleAssignments", "key-makers"): (
            Former(
                name="{system}-groups-key-makers",
                parent=Component("mlops:containerinstance:ServingGroups", "{system}-groups"),
            ),
        ),
    }
)
"""By what it is today: type and name."""


def keep_renamed(systems: Iterable[str] = (), former: Mapping[Component, Sequence[Former]] = FORMER) -> None:
    """Sees to it that everything which the program declares from here on is found under its former names."""
    known = list(systems)
    lineages: dict[pulumi.Resource, list[Component]] = {}

    def aliased(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        above = lineages.get(args.opts.parent, [ROOT]) if args.opts.parent else [ROOT]
        own = list(_of_systems(former.get(Component(args.type_, args.name), ()), known))
        lineages[args.resource] = _lineage(args.type_, args.name, own, above)
        before = lineages[args.resource][1:]
        if not before:
            return None
        opts = pulumi.ResourceOptions(aliases=[pulumi.create_urn(one.name, one.type) for one in before])
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, opts))

    pulumi.runtime.register_stack_transformation(aliased)


def _lineage(kind: str, name: str, own: Sequence[Former], above: Sequence[Component]) -> list[Component]:
    """All that a resource may be called in a state, each with the types of those above it; first what it is now.

    Old types with new names and the reverse too: of what is in a component that has just been renamed, Pulumi writes
    the types anew and leaves the names.
    """
    types, names = [], []
    for parent in above:
        for one in (Former(), *own):
            place = one.parent or parent
            types.append(f"{place.type}${one.type or kind}" if place.type else one.type or kind)
            begun = above[0].name and name.startswith(above[0].name)
            names.append(one.name or (parent.name + name.removeprefix(above[0].name) if begun else name))
    return [Component(*both) for both in product(dict.fromkeys(types), dict.fromkeys(names))]


def _of_systems(former: Sequence[Former], systems: Sequence[str]) -> Iterator[Former]:
    for one in former:
        yield from (one.of(system) for system in systems) if one.is_of_systems else [one]
