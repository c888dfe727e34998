"""`make cost`: what a stack costs a month, from its plan, without an account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies.configuration import Configuration
from policies.prices.estimate import NOTHING, Basis, Estimate, Line, Range
from policies.prices.estimator import estimate
from policies.prices.sheet import SheetError
from policies.prices.usage import Usage, UsageError
from policies.resource import Resource
from tools.export import planned
from tools.preview import offline, plan_of, with_profile
from tools.progress import SetupError
from tools.stacks import Stack
from tools.words import count

MOST_SHOWN = 12
ALIKE = 3
"""So many resources of a type are listed one by one; more become one row."""
NAME_WIDTH, MONEY_WIDTH = 34, 10
WHERE = "a stack's own: `mlops:cost: {usage: {name: figure or [low, expected, max]}}`"


@dataclass(frozen=True)
class Costed:
    """A stack's estimate and the configuration that it follows from."""

    stack: Stack
    config: Configuration
    estimate: Estimate
    usage: Usage
    resources: tuple[Resource, ...] = ()


def cost(stack: Stack, profile: str = "") -> Costed:
    """What a stack would cost that is made from nothing, in another network profile than its own when one is given.

    Raises:
        SetupError: the program or a check failed, there is no price sheet, or an assumption is wrong.
    """
    config = Configuration.from_stack(with_profile(stack.configuration(), profile)["config"])
    with offline(stack, profile) as (pulumi, words):
        plan = planned(plan_of(pulumi, words))
    return costed(stack, plan, config)


def costed(stack: Stack, resources: list[Resource], config: Configuration) -> Costed:
    """What resources of a stack cost.

    Raises:
        SetupError: there is no price sheet, or an assumption is wrong.
    """
    try:
        usage = Usage.read(config.get("cost.usage"))
        return Costed(stack, config, estimate(resources, usage, config=config), usage, tuple(resources))
    except UsageError as error:
        raise SetupError(f"stacks/{stack.file.name}, mlops:cost.usage: {error}") from None
    except SheetError as error:
        raise SetupError(str(error)) from None


def lines(found: Costed, *, everything: bool = False) -> Iterator[str]:
    """The estimate as a person reads it: the sum first, then what it is made of, then what to know of it."""
    yield from head(found)
    yield ""
    yield f"{'':<{NAME_WIDTH}}{_cells(('low', 'expected', 'max'))}  US dollars a month"
    yield from _each(found.estimate) if everything else _largest(found.estimate)
    yield from _unknown(found.estimate.unknown)
    yield ""
    yield from _assumed(found, everything)
    yield from _prices(found.estimate)


def head(found: Costed) -> Iterator[str]:
    """The whole in a few sentences."""
    total, fixed, usage = found.estimate.total, found.estimate.fixed, found.estimate.usage
    missing = f", and {count(len(found.estimate.unknown), 'thing')} whose price is unknown" * bool(
        found.estimate.unknown
    )
    where = f"{found.config.get('location')}, network profile {found.config.network_profile}"
    yield f"Stack {found.stack.name} ({where}) costs {money(total.expected)} USD a month as expected{missing}:"
    yield f"at least {money(total.low)}, at most {money(total.max)}."
    used = f"{money(usage.expected)} (at most {money(usage.max)}) for what is used"
    yield f"{money(fixed.expected)} is paid for what is there, {used}."
    if found.stack.emulated:
        yield "Here it costs nothing: that is what the same stack would cost on Azure."
    yield from _budget(found)


def _budget(found: Costed) -> Iterator[str]:
    if budget := float(found.config.get("operations.monthlyBudget") or 0):
        total = found.estimate.total
        shares = f"{100 * total.expected / budget:.0f} % of it is expected, {100 * total.max / budget:.0f} % at most"
        yield f"Its budget is {money(budget)} (mlops:operations.monthlyBudget): {shares}."


def money(dollars: float) -> str:
    """`3,667`, `12.76`, `0.40`."""
    return f"{dollars:,.0f}" if abs(dollars) >= 100 else f"{dollars:.2f}"


def _cells(cells: Iterable[str]) -> str:
    return "".join(f"{cell:>{MONEY_WIDTH}}" for cell in cells)


def _row(name: str, amount: Range, note: str = "") -> str:
    cells = _cells(money(figure) for figure in (amount.low, amount.expected, amount.max))
    return f"{name:<{NAME_WIDTH}}{cells}  {note}".rstrip()


@dataclass(frozen=True)
class Part:
    """One resource, or all of a type that a stack has many of."""

    name: str
    monthly: Range
    note: str


def parts(found: Estimate) -> list[Part]:
    """What a stack is made of that costs anything, the most expensive first."""
    by_type: dict[str, list[str]] = {}
    for urn, of_one in found.resources.items():
        if any(line.amount.max > 0 for line in of_one):
            by_type.setdefault(of_one[0].type, []).append(urn)
    made = [
        part
        for kind, urns in by_type.items()
        for part in ([_several(kind, urns, found)] if len(urns) > ALIKE else [_one(urn, found) for urn in urns])
    ]
    return sorted(made, key=lambda part: (-part.monthly.expected, -part.monthly.max, part.name))


def _several(kind: str, urns: list[str], found: Estimate) -> Part:
    total = Range.total(found.cost(urn).monthly for urn in urns)
    return Part(f"{len(urns)} times {kind.rsplit(':', 1)[1]}", total, f"each about {money(total.expected / len(urns))}")


def _one(urn: str, found: Estimate) -> Part:
    of_one = found.resources[urn]
    largest = max(of_one, key=lambda line: (line.amount.expected, line.amount.max))
    more = sum(1 for line in of_one if line.amount.max > 0) - 1
    note = largest.what + (f", and {more} more" if more else "")
    return Part(of_one[0].name, found.cost(urn).monthly, note)


def _largest(found: Estimate) -> Iterator[str]:
    made = parts(found)
    for part in made[:MOST_SHOWN]:
        yield _row(part.name, part.monthly, part.note)
    if rest := made[MOST_SHOWN:]:
        yield _row(f"{len(rest)} others", Range.total(part.monthly for part in rest), "ALL=1 lists everything")
    free = [urn for urn, of_one in found.resources.items() if all(line.basis is Basis.FREE for line in of_one)]
    yield _row(f"{count(len(free), 'resource')} free of charge", NOTHING)
    yield _row("all", found.total)


def _each(found: Estimate) -> Iterator[str]:
    """Every resource with every line, the free ones with their reason."""
    urns = sorted(found.resources, key=lambda urn: (-found.cost(urn).monthly.expected, urn))
    for urn in urns:
        of_one = found.resources[urn]
        yield _row(of_one[0].name, found.cost(urn).monthly, of_one[0].type)
        yield from (_row(f"  {line.what}"[: NAME_WIDTH - 1], line.amount, _explained(line)) for line in of_one)
    yield _row("all", found.total)


def _explained(line: Line) -> str:
    if line.price is None:
        return f"{line.basis.value}: {line.reason}"
    much = f"{line.quantity.low:,.12g} / {line.quantity.expected:,.12g} / {line.quantity.max:,.12g} {line.unit}"
    free = f", {line.free:,.12g} free" if line.free else ""
    return f"{much} at {line.price:.4g}{free}" + (f"; {line.reason}" if line.reason else "")


def _unknown(found: tuple[Line, ...]) -> Iterator[str]:
    if found:
        yield ""
        yield "Unknown, and in no sum:"
        yield from (f"  {line.name}: {line.what}: {line.reason}" for line in found)


def _assumed(found: Costed, everything: bool) -> Iterator[str]:
    """The assumptions, those first that move the sum most."""
    spread = dict.fromkeys(found.estimate.assumptions, 0.0)
    for line in found.estimate.lines:
        for key in line.assumptions:
            spread[key] += line.amount.max - line.amount.low
    keys = sorted(spread, key=lambda key: (-spread[key], key))
    shown = keys if everything else keys[:MOST_SHOWN]
    yield f"Assumed, what moves the sum most first ({WHERE}):"
    for key in shown:
        one = found.usage.assumptions[key]
        figures = " / ".join(f"{figure:,.12g}" for figure in (one.figures.low, one.figures.expected, one.figures.max))
        yield f"  {key:<{NAME_WIDTH - 2}}{figures:>30}  {one.unit}{' (the stack says so)' if one.own else ''}"
    if rest := len(keys) - len(shown):
        yield f"  and {rest} more: ALL=1, or policies/prices/usage.yaml"


def _prices(found: Estimate) -> Iterator[str]:
    yield ""
    yield "List prices in US dollars, without tax, discounts and reservations (policies/prices/sheet.csv)."
    yield from (f"warning: {warning}" for warning in found.warnings)
