"""Soft delete: what Azure keeps of a deleted vault or workspace, its name above all, and what a stack does about it.

A guard stands before each of the two: made first, it sees to a deleted one that still holds the name; deleted last, it
purges what `destroy` has deleted. ARM cannot say that, so whoever runs the program hands the guards in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
from pydantic import Field

from infra.sizes import Section

if TYPE_CHECKING:
    from infra.placement import Placement


class SoftDeleteSettings(Section):
    """What happens to a deleted vault or workspace, whose name Azure keeps for days. Nothing is purged in prod unless
    it says so here.
    """

    vault: Literal["recover", "purge", "refuse"] = Field(
        "recover",
        description="what `up` does when a deleted vault holds the stack's name: recover it with its secrets, purge it "
        "for good, or refuse to go on",
        examples=["recover"],
    )
    workspace: Literal["purge", "refuse"] | None = Field(
        None,
        description="the same for a deleted workspace, which Azure recovers in its portal alone; none = purge, in prod "
        "refuse",
        examples=["purge"],
    )
    on_destroy: Literal["purge", "keep"] | None = Field(
        None,
        description="whether `destroy` purges vault and workspace, so that their names are free at once, or keeps them "
        "as long as Azure does; a vault with purge protection is kept anyway; none = purge, in prod keep",
        examples=["purge"],
    )


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """What stands behind a guard: an ARM id in a location; what to do `if_held`, when something deleted holds its name
    (`recover`, `purge`, `refuse`), and `on_destroy` (`purge`, `keep`). `group`: its resource group, without which Azure
    finds nothing that was deleted in it.
    """

    resource_id: str
    location: str
    if_held: str
    on_destroy: str
    group: pulumi.Resource


@dataclass(frozen=True)
class Guard:
    """A guard that is declared: what stands behind it depends on `resource`. `create_mode` is `recover` when a deleted
    vault is to be taken up, else None.
    """

    resource: pulumi.Resource
    create_mode: pulumi.Output[str | None]


Guards = Callable[[str, Guarded, pulumi.ResourceOptions], Guard]
"""Declares a guard: its name, what it guards, and its options."""


@dataclass(frozen=True)
class SoftDelete:
    """The guards of one stack, and what its configuration says. `existing`: names of what was there before the stack,
    which is neither recovered nor purged.
    """

    guards: Guards
    settings: SoftDeleteSettings
    is_production: bool
    existing: Collection[str] = ()

    def vault(self, name: str, resource_id: str, placement: Placement, opts: pulumi.ResourceOptions) -> Guard:
        """The guard before a vault."""
        return self._guard(name, resource_id, self.settings.vault, placement, opts)

    def workspace(self, name: str, resource_id: str, placement: Placement, opts: pulumi.ResourceOptions) -> Guard:
        """The guard before a workspace."""
        if_held = self.settings.workspace or ("refuse" if self.is_production else "purge")
        return self._guard(name, resource_id, if_held, placement, opts)

    def _guard(
        self, name: str, resource_id: str, if_held: str, placement: Placement, opts: pulumi.ResourceOptions
    ) -> Guard:
        on_destroy = self.settings.on_destroy or ("keep" if self.is_production else "purge")
        if resource_id.rpartition("/")[2] in self.existing:
            if_held, on_destroy = "refuse", "keep"
        guarded = Guarded(
            resource_id=resource_id,
            location=placement.location,
            if_held=if_held,
            on_destroy=on_destroy,
            group=placement.group,
        )
        return self.guards(name, guarded, opts)
