"""Applies the role table to what a stack has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.permissions import DEPLOYERS, TABLE, Permission, table_condition
from infra.role_assignments import Grant, Principal, RoleAssignments, RoleAssignmentsArgs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pulumi

    from infra.identities import Identities
    from infra.placement import Placement
    from infra.role_assignments import Scope


@dataclass
class Access:
    """The scopes that have been declared so far, and the lines of the table that have been granted on them."""

    placement: Placement
    deployers_group_id: str
    identities: Identities
    scopes: dict[str, Scope] = field(default_factory=dict)
    resources: dict[str, Principal] = field(default_factory=dict)
    """By `who` of the table: identities that Azure gives resources themselves (system-assigned)."""
    granted: set[Permission] = field(default_factory=set)

    def add(self, *scopes: Scope) -> None:
        """Makes resources known, so that the table's lines about them can be granted."""
        self.scopes |= {scope.name: scope for scope in scopes}

    def add_resource(self, who: str, principal: Principal) -> None:
        """Makes the identity of a resource itself known, so that the table's lines about `who` can be granted."""
        self.resources[who] = principal

    def grant(
        self, name: str, who: str, opts: pulumi.ResourceOptions, *, on_request: bool = False
    ) -> list[pulumi.Resource]:
        """Declares the component `name` with every line about `who` whose scope is known and which is not granted yet.
        What must wait for them depends on the result.
        """
        lines = list(self._open(who, on_request))
        self.granted.update(lines)
        return self._assign(name, who, lines, opts) if lines else []

    def grant_rest(self, opts: pulumi.ResourceOptions) -> None:
        """Declares what is still open, a component for each principal and scope."""
        for line in TABLE:
            if lines := [one for one in self._open(line.who) if one.where == line.where]:
                self.granted.update(lines)
                self._assign(f"{self._name(line.who)}-on-{line.where}", line.who, lines, opts)

    def _open(self, who: str, on_request: bool = False) -> Iterator[Permission]:
        for line in TABLE:
            wanted = line.who == who and line.where in self.scopes and line not in self.granted
            applies = line.on_request == on_request and not (line.only_closed and self.placement.network.is_open)
            if wanted and applies and self._knows(who):
                yield line

    def _knows(self, who: str) -> bool:
        return who == DEPLOYERS or who in self.resources or self.identities.has(who)

    def _principal(self, who: str) -> Principal:
        if who == DEPLOYERS:
            return Principal.group(self.deployers_group_id)
        return self.resources.get(who) or Principal.identity(self.identities.get(who))

    def _assign(
        self, name: str, who: str, lines: list[Permission], opts: pulumi.ResourceOptions
    ) -> list[pulumi.Resource]:
        args = RoleAssignmentsArgs(
            subscription_id=self.placement.subscription_id,
            principal=self._principal(who),
            grants=[self._grant_of(line) for line in lines],
        )
        return RoleAssignments(name, args, opts).assignments

    def _grant_of(self, line: Permission) -> Grant:
        return Grant(line.role, self.scopes[line.where], table_condition() if line.table_only else None)

    @staticmethod
    def _name(who: str) -> str:
        return who if who == DEPLOYERS else f"{who}-identity"
