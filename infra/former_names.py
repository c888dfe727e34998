"""What resources were called before: a resource that gets another name stays the one that a stack has.

One table for the whole program. Pulumi knows a resource by the types of those above it, its own type and its name; what
differs from today's stands here, and becomes an alias of the resource. What is below a renamed component and begins
with its name is found under the old name too, without a line of its own.

A line may go once no stack is left that was last brought up to date before the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Component(NamedTuple):
    """A component by type and name, such as `("mlops:storage:Storage", "lake")`."""

    type: str
    name: str


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

    @property
    def alias(self) -> pulumi.Alias:
        """As Pulumi takes it."""
        alias = pulumi.Alias()
        if self.name:
            alias.name = self.name
        if self.type:
            alias.type_ = self.type
        if self.parent:
            alias.parent = pulumi.create_urn(self.parent.name, self.parent.type)
        return alias


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

    def aliased(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        aliases = list(_aliases(former.get(Component(args.type_, args.name), ()), known))
        if not aliases:
            return None
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(aliases=aliases))
        return pulumi.ResourceTransformationResult(args.props, opts)

    pulumi.runtime.register_stack_transformation(aliased)


def _aliases(former: Sequence[Former], systems: Sequence[str]) -> Iterator[pulumi.Alias]:
    for one in former:
        yield from (one.of(system).alias for system in systems) if one.is_of_systems else [one.alias]
