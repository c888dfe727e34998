"""The words in which `kinds/` says what a resource is paid for: so much of a meter, nothing, or nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import add
from typing import Any

from policies.prices.estimate import NOTHING, Range
from policies.prices.machines import machine
from policies.prices.meters import Meter
from policies.prices.usage import Usage
from policies.view import NotKnownYet, View


@dataclass(frozen=True)
class Amount:
    """A quantity a month, and the assumptions that it follows from."""

    figures: Range
    assumptions: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: float | Amount) -> Amount:
        """A number as an amount that is certain."""
        return value if isinstance(value, Amount) else cls(Range.exactly(float(value)))

    def __add__(self, other: float | Amount) -> Amount:
        return self._with(other, add)

    def __mul__(self, other: float | Amount) -> Amount:
        return self._with(other, lambda one, two: one * two)

    __radd__ = __add__
    __rmul__ = __mul__

    def at_most(self, limit: float | Amount) -> Amount:
        """No more than a limit."""
        return self._with(limit, min)

    def beyond(self, included: float) -> Amount:
        """What is more than what is included in something else."""
        return self._with(included, lambda one, two: max(0.0, one - two))

    def _with(self, other: float | Amount, combine: Callable[[float, float], float]) -> Amount:
        right = Amount.of(other)
        keys = dict.fromkeys([*self.assumptions, *right.assumptions])
        return Amount(self.figures.each(combine, right.figures), tuple(keys))


def between(least: float, most: float, share: Amount) -> Amount:
    """From the least to the most, as far as a share says: nodes of a pool that grows and shrinks."""
    return least + share * max(0.0, most - least)


@dataclass(frozen=True)
class Use:
    """So much of a meter, counted in its basic unit: hours, GB, seconds, months, or one by one."""

    what: str
    meter: Meter
    amount: Amount
    fixed: bool = False
    """Whether it is paid for being there."""
    note: str = ""


@dataclass(frozen=True)
class Nothing:
    """What costs nothing, and why."""

    reason: str
    what: str = "nothing to pay for"


@dataclass(frozen=True)
class Unpriced:
    """What costs something that cannot be said, and why."""

    what: str
    reason: str


Item = Use | Nothing | Unpriced


class Plan:
    """All resources of a stack, for those whose cost follows from others."""

    def __init__(self, resources: Sequence[View], usage: Usage) -> None:
        self.resources = resources
        self.usage = usage

    def of(self, *types: str) -> Iterator[View]:
        """The resources of short types such as `ml:Rollout`."""
        return (one for one in self.resources if one.short_type in types)

    def assume(self, name: str, one: View) -> Amount:
        """What is assumed of a resource."""
        key = self.usage.key(name, one.name)
        return Amount(self.usage.assumptions[key].figures, (key,))

    @cached_property
    def region(self) -> str:
        """Where the stack is: its resource group's region, else that of most resources."""
        groups = [region for one in self.of("resources:ResourceGroup") if (region := _location(one))]
        others = [region for one in self.resources if (region := _location(one))]
        return groups[0] if groups else max(others, key=others.count, default="")

    def region_of(self, one: View) -> str:
        """Where a resource is: as it says, else where the stack is."""
        return _location(one) or self.region


NO_SIZE = " is none of the sizes in policies/prices/machines.py"
Pricer = Callable[[View, Plan], Iterable[Item]]
"""What a resource is paid for. It may ask for what is not known yet: then that is what is unknown."""


def text(one: View, path: str, default: str = "") -> str:
    """A word at a path.

    Raises:
        NotKnownYet: it is known only once something is made.
    """
    return str(one.get(path, default))


def number(one: View, path: str, default: float = 0.0) -> float:
    """A number at a path.

    Raises:
        NotKnownYet: it is known only once something is made.
    """
    value = one.get(path, default)
    return float(value) if isinstance(value, int | float) else default


def entries(one: View, path: str) -> list[Any]:
    """The entries of a list, or the values of a mapping, at a path."""
    found = one.get(path)
    return list(found.values() if isinstance(found, Mapping) else found or ())


def last_word(arm_id: str) -> str:
    """The name at the end of an ARM id."""
    return arm_id.rsplit("/", 1)[-1]


def _location(one: View) -> str:
    """`westeurope`, however it is written; "" for global resources and where nothing is said."""
    for path in ("location", "staging.location"):
        try:
            if found := one.get(path):
                region = str(found).lower().replace(" ", "")
                return "" if region == "global" else region
        except NotKnownYet:
            continue
    return ""


NO_AMOUNT = Amount(NOTHING)


def machine_hours(what: str, size: str, hours: Amount, *, fixed: bool = False, note: str = "") -> Item:
    """Hours of virtual machines of a size; unknown where the size is none of the table."""
    if found := machine(size):
        return Use(f"{what}, {found.size}", found.meter, hours, fixed, note)
    return Unpriced(f"{what}, {size}", f"{size}{NO_SIZE}")
