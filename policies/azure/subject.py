"""What is judged: one request, and what else is known when it is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from policies.azure.aliases import Alias

GROUP = "Microsoft.Resources/subscriptions/resourceGroups"


def type_of(arm_id: str) -> str:
    """The type of what has an ARM id, as rules name it."""
    if "/providers/" not in arm_id.lower():
        return GROUP
    words = re.split("/providers/", arm_id, flags=re.IGNORECASE)[-1].split("/")
    return "/".join((words[0], *words[1::2]))


@dataclass(frozen=True)
class Subject:
    """A PUT. In the body `policies.resource.UNKNOWN` and `SECRET` stand for what a plan does not know or show."""

    id: str
    """`/subscriptions/…/providers/Microsoft.Storage/storageAccounts/stlake`."""
    type: str
    """`Microsoft.Storage/storageAccounts`."""
    api_version: str
    body: Mapping[str, Any]
    urn: str = ""
    indexed: bool = True
    """Whether resources of this type have tags and a location."""
    read_only: frozenset[tuple[str, ...]] = frozenset()
    """Steps to properties that only Azure writes, in lower case."""
    spell: Callable[[str], str] = str
    """How whoever made the request writes a property: its path in the body -> an input of a program."""

    @classmethod
    def of(cls, arm_id: str, api_version: str, body: Mapping[str, Any], **more: Any) -> Subject:
        """A PUT to an ARM id, which tells the type."""
        return cls(arm_id, type_of(arm_id), api_version, body, **more)

    @property
    def taggable(self) -> bool:
        """Whether definitions of mode Indexed are about it, which they never are about groups."""
        return self.indexed and self.type.lower() != GROUP.lower()

    @property
    def name(self) -> str:
        """The last part of its name."""
        return self.id.rsplit("/", 1)[-1]

    @cached_property
    def full_name(self) -> str:
        """`server/database` of a child: the names of its parents before its own."""
        words = self.id.split("/providers/")[-1].split("/")
        return "/".join(words[2::2]) or self.name

    @cached_property
    def group(self) -> str:
        """The id of its resource group in lower case; "" outside of one, and for a group itself."""
        words = self.id.lower().split("/")
        return "/".join(words[:5]) if len(words) > 5 and words[3] == "resourcegroups" else ""

    def filled_in(self, alias: Alias) -> bool:
        """Whether Azure fills this property in, so that no request holds it."""
        steps = tuple(step.lower() for step in alias.steps if step != "*")
        return alias.filled_in or any(steps[:length] in self.read_only for length in range(1, len(steps) + 1))


@dataclass(frozen=True)
class Facts:
    """What is known besides the request."""

    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The resource groups that are there or planned, by id in lower case: name, location, tags, managedBy."""
    subscriptions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Subscriptions whose display name and tags are known, by id (a GUID) in lower case."""
    sent: bool = False
    """The request is really made, so that what it lacks is missing, though Azure would fill it in."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
