"""What Azure Policy says of one request: the vocabulary that the verb, the review and the emulator share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What comes of a definition on a resource; one that is met, or looks at another type, has no verdict."""

    DENY = "deny"
    """Azure refuses the request."""
    AUDIT = "audit"
    """Azure takes the request and lists the resource as not compliant."""
    MODIFY = "modify"
    """Azure changes the request (effects modify and append) and takes it."""
    UNDECIDED = "undecided"
    """It depends on what a plan does not hold: other resources, the subscription, a parameter, a value known later."""
    NOT_IN_BODY = "not-in-body"
    """It looks at what Azure fills in once the resource exists: of a request the answer is always the same."""
    REFUSED = "refused"
    """The definition has a construct that this evaluator does not know; `reason` names it. Nothing was guessed."""


@dataclass(frozen=True)
class Change:
    """One property that Azure would write into the request; `path` as in the body (`properties.minimumTlsVersion`)."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Verdict:
    """One definition on one resource."""

    outcome: Outcome
    definition: str
    """The definition's name: a GUID of Azure's own ones."""
    title: str
    """Its display name."""
    effect: str
    """The effect in lower case after parameters: `deny`, `audit`, `modify`, `append`, `deployifnotexists`, …"""
    resource_type: str = ""
    """`Microsoft.Storage/storageAccounts`."""
    resource_id: str = ""
    """The ARM id that the request goes to."""
    urn: str = ""
    """Pulumi's name of the resource, where it comes from a plan."""
    found: tuple[str, ...] = ()
    """What was met in the body: `properties.minimumTlsVersion is missing`."""
    remedies: tuple[str, ...] = ()
    """What to write, one sentence a property."""
    changes: tuple[Change, ...] = ()
    """Of `MODIFY`: what Azure would write."""
    reason: str = ""
    """Of `UNDECIDED`, `NOT_IN_BODY` and `REFUSED`: why."""
    assignment: str = ""
    """Display name of the assignment; "" for a definition that was only read from a folder."""
    enforced: bool = True
    """False where the assignment says `DoNotEnforce`: Azure lists the resource and refuses or changes nothing."""

    @property
    def name(self) -> str:
        """The resource's logical name, else the last part of its id."""
        return self.urn.rsplit("::", 1)[-1] or self.resource_id.rsplit("/", 1)[-1]

    @property
    def blocks(self) -> bool:
        """Whether the request would fail."""
        return self.outcome is Outcome.DENY and self.enforced
