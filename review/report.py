"""The review of a change as plain data. Where it comes from and how it is shown are other modules' concern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from review.access import Access
from review.models import System
from review.plan import Op
from review.properties import PropertyChange
from review.rehearsal import Rehearsal


class Risk(IntEnum):
    """How bad the worst of it is; more is worse."""

    NOTHING = 0
    CHANGES = 1
    ATTENTION = 2
    LOSS = 3
    BLOCKED = 4
    FAILED = 5


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that changes."""

    urn: str
    name: str
    kind: str
    op: Op
    component: str = ""
    because: tuple[str, ...] = ()
    """Of a replacement: the properties that make it another one."""
    lost: str = ""
    """What goes with it, in words; "" where nothing but the resource does."""
    loses_data: bool = False
    weight: int = 0
    """Less is worse, among what loses data."""
    protected: bool = False
    properties: tuple[PropertyChange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a rule, or Azure Policy, says of a resource."""

    rule: str
    title: str
    resource: str
    message: str
    fix: str = ""
    level: str = "advisory"
    """`mandatory` stops the update; `advisory` is a warning; `deferred` is checked at the update."""
    new: bool = True
    """False where BASE has it as well."""
    exemption: str = ""
    """Under which it is let through: reason and last day."""
    source: str = "policy pack"

    @property
    def blocks(self) -> bool:
        """Whether it stops the update."""
        return self.level == "mandatory" and not self.exemption


def alike(findings: Iterable[Finding]) -> list[tuple[Finding, list[str]]]:
    """Findings that say the same of several resources, once, with the resources' names."""
    groups: dict[tuple[str, ...], tuple[Finding, list[str]]] = {}
    for one in findings:
        key = (one.rule, one.message, one.fix, one.exemption, str(one.new))
        groups.setdefault(key, (one, []))[1].append(one.resource)
    return list(groups.values())


@dataclass(frozen=True, kw_only=True)
class Money:
    """Dollars a month."""

    low: float
    expected: float
    max: float


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """One resource whose cost changes; None where it is not there."""

    name: str
    kind: str
    before: float | None
    after: float | None
    unknown: str = ""

    @property
    def delta(self) -> float:
        """How much more, as expected."""
        return (self.after or 0.0) - (self.before or 0.0)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the stack costs before and after."""

    before: Money
    after: Money
    lines: tuple[CostLine, ...] = ()
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def delta(self) -> float:
        """How much more, as expected."""
        return self.after.expected - self.before.expected


@dataclass(frozen=True, kw_only=True, order=True)
class Ending:
    """Something in use that its maker ends."""

    date: str
    what: str
    resources: tuple[str, ...]
    link: str = ""
    new: bool = False
    """Whether this change brings it in."""


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """How much of the plan is known before it is carried out."""

    known: int
    total: int
    deferred: int = 0
    """Rules that could not be judged yet."""
    left_out: tuple[str, ...] = ()
    """What the review did not look at, and why."""

    @property
    def percent(self) -> float:
        """Of the properties of what changes."""
        return 100 * self.known / self.total if self.total else 100.0


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """What was held against what."""

    base: str
    """The commit that the change is held against; of a live stack the state's own words."""
    head: str
    behind: int = 0
    """Commits of BASE that HEAD does not have: they show as if they were undone."""
    live: bool = False
    state: str = ""
    """Of a live state: the number of its last update and when it was written, as the backend says."""


@dataclass(frozen=True, kw_only=True)
class StackReview:
    """The review of one stack."""

    project: str
    stack: str
    freshness: Freshness
    failure: tuple[str, ...] = ()
    """Why there is no plan: what program or provider said."""
    changes: tuple[Change, ...] = ()
    common: tuple[tuple[PropertyChange, int], ...] = ()
    """Property changes that many resources share, with how many do."""
    unchanged: int = 0
    hidden: int = 0
    """Differences and steps that say nothing."""
    settings: tuple[str, ...] = ()
    """Keys of the stack's file that differ."""
    findings: tuple[Finding, ...] = ()
    fixed: int = 0
    """Findings of BASE that are gone."""
    cost: Cost | None = None
    access: tuple[Access, ...] = ()
    unneeded: tuple[str, ...] = ()
    systems: tuple[System, ...] = ()
    endings: tuple[Ending, ...] = ()
    certainty: Certainty | None = None
    undo: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Time and quota."""
    warnings: tuple[str, ...] = ()
    rehearsal: Rehearsal | None = None

    def count(self, op: Op) -> int:
        """How many resources this happens to."""
        return sum(change.op is op for change in self.changes)

    @property
    def counts(self) -> Mapping[Op, int]:
        """By what happens."""
        return {op: self.count(op) for op in Op}

    @property
    def blocking(self) -> list[Finding]:
        """Findings that stop the update."""
        return [one for one in self.findings if one.blocks]

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell: no change, and no finding that BASE has not."""
        return self.risk is Risk.NOTHING and not any(one.new for one in self.findings)

    @property
    def lowered(self) -> list[str]:
        """Floors of gates that are lower than before."""
        return [f"{system.name}: {one}" for system in self.systems for one in system.lowered]

    @property
    def risk(self) -> Risk:
        """The worst of it."""
        if self.failure:
            return Risk.FAILED
        if any(one.new or self.changes for one in self.blocking) or any(
            one.protected and one.op in (Op.DELETE, Op.REPLACE) for one in self.changes
        ):
            return Risk.BLOCKED
        if any(change.loses_data for change in self.changes):
            return Risk.LOSS
        rehearsed = self.rehearsal is not None and self.rehearsal.worrying
        torn = any(change.lost for change in self.changes if change.op in (Op.DELETE, Op.REPLACE))
        if torn or rehearsed or self.lowered or any(one.serious and one.widens for one in self.access):
            return Risk.ATTENTION
        return Risk.CHANGES if self.changes else Risk.NOTHING


@dataclass(frozen=True)
class Report:
    """The review of a change: one stack or several."""

    project: str
    stacks: tuple[StackReview, ...]

    @property
    def risk(self) -> Risk:
        """The worst of all stacks."""
        return max((one.risk for one in self.stacks), default=Risk.NOTHING)

    @property
    def exit_code(self) -> int:
        """0; 1 where a plan could not be made; 5, as the engine says it, where something blocks."""
        return {Risk.FAILED: 1, Risk.BLOCKED: 5}.get(self.risk, 0)
