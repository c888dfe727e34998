"""A plan as a picture needs it: resources with their ARM ids and bodies, and who stands for whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emulator.resource_id import ResourceId
from emulator.resource_types import ResourceTable
from emulator.resource_types.conversion import request
from emulator.resource_types.entry import ID_OF_TYPE
from policies.resource import Resource

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DYNAMIC = "pulumi-python:dynamic/ml:"
STACK = "pulumi:pulumi:Stack"
"""Itself a resource of an engine's plan, and of no recording."""


@dataclass(frozen=True)
class Item:
    """One resource of Azure. `name` is its logical name, `id` is in lower case."""

    name: str
    urn: str
    id: str
    type: str
    body: Mapping[str, Any]
    depends_on: frozenset[str]

    @property
    def own_name(self) -> str:
        """Its name in Azure."""
        return self.id.rpartition("/")[2]

    @property
    def properties(self) -> Mapping[str, Any]:
        """Where most of a body is."""
        return dict(self.body.get("properties") or {})

    @cached_property
    def text(self) -> str:
        """Its body, to look for ids in."""
        return json.dumps(self.body, default=str).lower()

    @property
    def above(self) -> Iterator[str]:
        """The ids of what it is in or on, the nearest first."""
        words = self.id.split("/")
        for length in range(len(words) - 1, 2, -1):
            yield "/".join(words[:length])


@dataclass(frozen=True)
class Items:
    """All of a plan: `azure`, in an order that no id decides, the steps of systems by kind, and how many resources
    there are besides the stack itself.
    """

    azure: tuple[Item, ...]
    steps: Mapping[str, tuple[Mapping[str, Any], ...]]
    total: int

    @classmethod
    def of(cls, plan: Iterable[Resource], subscription: str) -> Items:
        """What a plan declares.

        Raises:
            UnknownResourceTypeError: the table of resource types lacks one.
        """
        table, found, steps = ResourceTable.load(), list[Item](), dict[str, list[Mapping[str, Any]]]()
        everything = list(plan)
        for one in everything:
            if one.type.startswith(DYNAMIC):
                steps.setdefault(one.type.removeprefix(DYNAMIC), []).append(one.inputs)
            if not one.type.startswith(ID_OF_TYPE):
                continue
            sent = request(table.entry_for_token(one.type), one.inputs, subscription)
            kind = ResourceId.parse(sent.path).type
            before = frozenset(one.depends_on)
            found.append(Item(one.name, one.urn, sent.path.lower(), kind, sent.body, before))
        azure = tuple(sorted(found, key=lambda item: (item.type, item.name)))
        total = sum(one.type != STACK for one in everything)
        return cls(azure, {kind: tuple(all_) for kind, all_ in steps.items()}, total)

    @cached_property
    def by_id(self) -> dict[str, Item]:
        """By ARM id in lower case."""
        return {item.id: item for item in self.azure}

    def of_type(self, *types: str) -> list[Item]:
        """Those of some ARM types."""
        return [item for item in self.azure if item.type in types]

    def nearest(self, item: Item) -> Item | None:
        """The declared resource that one is in or on."""
        return next((self.by_id[one] for one in item.above if one in self.by_id), None)

    @cached_property
    def identities(self) -> dict[str, str]:
        """What each identity is for, by its id: `compute`. Their logical names end with it."""
        return {item.id: item.name.partition("-")[2] or item.name for item in self.of_type(IDENTITY)}

    @cached_property
    def system_assigned(self) -> dict[str, str]:
        """What has roles as itself, with an identity that Azure gives the resource, by its id."""
        waited = {
            urn
            for one in self.of_type(ROLE_ASSIGNMENT)
            for urn in one.depends_on
            if (on := self.nearest(one)) is None or urn != on.urn
        }
        kinds = {item.id: str((item.body.get("identity") or {}).get("type")) for item in self.azure}
        return {item.id: item.name for item in self.azure if "SystemAssigned" in kinds[item.id] and item.urn in waited}

    def runs_as(self, item: Item) -> list[str]:
        """The identities that a resource works as."""
        if item.type == ROLE_ASSIGNMENT or item.type.startswith(IDENTITY):
            return []
        if item.id in self.system_assigned:
            return [self.system_assigned[item.id]]
        return [role for identity, role in self.identities.items() if f'"{identity}"' in item.text]

    def principal(self, assignment: Item) -> str:
        """Who gets a role: its principal id is Entra's and not known yet, but an assignment waits for its identity.
        What it is on may be an identity too.
        """
        if assignment.properties.get("principalType") == "Group":
            return "deployers"
        on = self.nearest(assignment)
        names = self.identities | self.system_assigned
        waits = [
            names[item.id]
            for item in self.azure
            if item.id in names and item.urn in assignment.depends_on and item is not on
        ]
        return waits[0] if waits else "others"
