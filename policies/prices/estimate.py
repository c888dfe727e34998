"""What a stack costs a month, as numbers: ranges, lines, their sums, and the difference of two estimates.

All amounts are US dollars a month of 730 hours, list prices without tax and discounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from operator import add, mul


@dataclass(frozen=True, slots=True)
class Range:
    """What may be: at least, as expected, at most."""

    low: float
    expected: float
    max: float

    @classmethod
    def exactly(cls, value: float) -> Range:
        """A figure that is certain."""
        return cls(value, value, value)

    @classmethod
    def total(cls, ranges: Iterable[Range]) -> Range:
        """The sum; of none it is nothing."""
        return sum(ranges, NOTHING)

    @property
    def is_certain(self) -> bool:
        """Whether the three are the same."""
        return self.low == self.expected == self.max

    def __add__(self, other: Range) -> Range:
        return self.each(add, other)

    def __mul__(self, other: Range | float) -> Range:
        return self.each(mul, other if isinstance(other, Range) else Range.exactly(other))

    __rmul__ = __mul__

    def each(self, combine: Callable[[float, float], float], other: Range) -> Range:
        """Low with low, expected with expected, max with max."""
        return Range(combine(self.low, other.low), combine(self.expected, other.expected), combine(self.max, other.max))


NOTHING = Range(0.0, 0.0, 0.0)


class Basis(Enum):
    """Why a line has the amount that it has."""

    FIXED = "fixed"
    """Paid for being there, whether it is used or not."""
    USAGE = "usage"
    """Paid for what is used, as the assumptions say."""
    FREE = "free"
    """Azure asks nothing for it, or somebody else's line has it; the reason says which."""
    UNKNOWN = "unknown"
    """It costs something, and how much cannot be said; the reason says why. Never counted as 0."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that a resource is paid for, or the reason why there is nothing to add up."""

    urn: str
    type: str
    """The resource's type: `azure-native:storage:StorageAccount`."""
    what: str
    """In words: `nodes, Standard_DS3_v2`."""
    basis: Basis
    monthly: Range | None = None
    """Dollars a month; None where it is unknown, zeros where it is free."""
    quantity: Range = NOTHING
    """How many of `unit` a month."""
    unit: str = ""
    """What the price is for: `hour`, `GB`, `10,000 operations`."""
    price: float | None = None
    """Dollars for one unit, above the free quantity."""
    free: float = 0.0
    """How many units are free a month, of the whole subscription; in `max` others have used them up."""
    assumptions: tuple[str, ...] = ()
    """The keys of `usage.yaml` that the quantity follows from."""
    reason: str = ""
    """Why it is free or unknown, or what is special about the price."""

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def amount(self) -> Range:
        """What is added up: nothing for an unknown one, which whoever shows a sum has to say."""
        return self.monthly or NOTHING


@dataclass(frozen=True)
class Cost:
    """What one resource comes to."""

    monthly: Range = NOTHING
    unknown: tuple[str, ...] = ()
    """What of it cannot be said, in words. When there is any, `monthly` is only the rest of it."""

    @property
    def is_complete(self) -> bool:
        """Whether all of it is known."""
        return not self.unknown


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a resource comes to before and after; None where it is not there."""

    urn: str
    type: str
    before: Cost | None
    after: Cost | None

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def delta(self) -> Range:
        """How much more a month, of what is known: low against low, expected against expected, max against max."""
        before, after = (cost.monthly if cost else NOTHING for cost in (self.before, self.after))
        return after.each(_less, before)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What of it cannot be said, on either side."""
        sides = [*(self.before.unknown if self.before else ()), *(self.after.unknown if self.after else ())]
        return tuple(dict.fromkeys(sides))


@dataclass(frozen=True)
class Difference:
    """What a change of the plan comes to. `changes`: the resources whose cost is another one, the largest first."""

    before: Range
    after: Range
    changes: tuple[Change, ...]

    @property
    def delta(self) -> Range:
        """How much more a month, of what is known."""
        return self.after.each(_less, self.before)

    @property
    def percent(self) -> float | None:
        """The expected delta in percent of what was expected before; None from nothing."""
        return 100 * self.delta.expected / self.before.expected if self.before.expected else None


@dataclass(frozen=True)
class Estimate:
    """What a stack costs a month."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...] = ()
    """What to know before one trusts it: the sheet is old, a price is another region's."""
    assumptions: Mapping[str, Range] = field(default_factory=dict)
    """The assumptions that any line follows from, by their key in `usage.yaml`."""

    @cached_property
    def total(self) -> Range:
        """All that is known."""
        return Range.total(line.amount for line in self.lines)

    @cached_property
    def fixed(self) -> Range:
        """What is paid for being there."""
        return Range.total(line.amount for line in self.lines if line.basis is Basis.FIXED)

    @cached_property
    def usage(self) -> Range:
        """What is paid for being used."""
        return Range.total(line.amount for line in self.lines if line.basis is Basis.USAGE)

    @cached_property
    def unknown(self) -> tuple[Line, ...]:
        """What costs something that is in no sum."""
        return tuple(line for line in self.lines if line.basis is Basis.UNKNOWN)

    @cached_property
    def free(self) -> tuple[Line, ...]:
        """What costs nothing, and why."""
        return tuple(line for line in self.lines if line.basis is Basis.FREE)

    @cached_property
    def resources(self) -> Mapping[str, tuple[Line, ...]]:
        """Every resource's lines, by URN, in the order of the plan."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.urn, []).append(line)
        return {urn: tuple(lines) for urn, lines in found.items()}

    def cost(self, urn: str) -> Cost:
        """What one resource comes to.

        Raises:
            KeyError: the plan has no such resource.
        """
        lines = self.resources[urn]
        return Cost(
            Range.total(line.amount for line in lines),
            tuple(line.what for line in lines if line.basis is Basis.UNKNOWN),
        )

    def top(self, count: int) -> list[tuple[str, Cost]]:
        """The resources that cost most, as expected."""
        costs = [(urn, self.cost(urn)) for urn in self.resources]
        ordered = sorted(costs, key=lambda pair: (-pair[1].monthly.expected, -pair[1].monthly.max, pair[0]))
        return [pair for pair in ordered if pair[1].monthly.max > 0][:count]

    def since(self, before: Estimate) -> Difference:
        """What has changed since another estimate of the same stack, resource by resource."""
        urns = dict.fromkeys([*before.resources, *self.resources])
        changes = [_change(urn, before, self) for urn in urns]
        other = [one for one in changes if one.before != one.after and (one.delta != NOTHING or one.unknown)]
        return Difference(
            before.total, self.total, tuple(sorted(other, key=lambda one: (-abs(one.delta.expected), one.urn)))
        )


def _change(urn: str, before: Estimate, after: Estimate) -> Change:
    old, new = (one.cost(urn) if urn in one.resources else None for one in (before, after))
    lines = after.resources.get(urn) or before.resources[urn]
    return Change(urn=urn, type=lines[0].type, before=old, after=new)


def _less(one: float, other: float) -> float:
    return one - other
