"""What a plan costs a month: what every resource uses (`kinds/`), at the prices of the sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from policies.configuration import Configuration
from policies.prices.estimate import NOTHING, Basis, Estimate, Line, Range
from policies.prices.kinds import COMPONENTS, pricer
from policies.prices.meters import Meter
from policies.prices.pricing import Item, Nothing, Plan, Unpriced, Use
from policies.prices.sheet import FRESH_DAYS, Price, Sheet
from policies.prices.usage import OF, Usage
from policies.resource import Resource
from policies.view import NotKnownYet, View


@dataclass(frozen=True)
class _Priced:
    """A use and what one of it costs."""

    one: View
    use: Use
    price: Price
    note: str


def estimate(
    resources: Sequence[Resource],
    usage: Usage | None = None,
    sheet: Sheet | None = None,
    *,
    config: Configuration | None = None,
) -> Estimate:
    """What a stack's resources cost a month.

    Args:
        usage: assumptions; None = those of `usage.yaml`, with what `mlops:cost: {usage: …}` of `config` says otherwise.
        sheet: prices; None = `sheet.csv`.
        config: the stack's configuration, and the day whose distance from the prices' is told.

    Raises:
        UsageError: the configuration has an assumption that there is not.
        SheetError: there is no sheet.
    """
    config = config or Configuration()
    usage = usage or Usage.read(config.get("cost.usage"))
    sheet = sheet or Sheet.read()
    plan = Plan([View(one, config) for one in resources if not one.type.startswith(COMPONENTS)], usage)
    found = [(one, item) for one in plan.resources for item in items(one, plan)]
    priced = [_price(one, item, plan, sheet) for one, item in found]
    free = _billed_shares([entry for entry in priced if isinstance(entry, _Priced)])
    lines = [_line(entry, free) if isinstance(entry, _Priced) else entry for entry in priced]
    used = {key: usage.assumptions[key].figures for line in lines for key in line.assumptions}
    prices = [entry.price for entry in priced if isinstance(entry, _Priced)]
    return Estimate(tuple(lines), tuple(_warnings(prices, lines, config.today)), dict(sorted(used.items())))


def items(one: View, plan: Plan) -> list[Item]:
    """What a resource is paid for; a type that nobody has thought of is unknown."""
    price = pricer(one.short_type)
    if price is None:
        return [Unpriced("all of it", f"policies/prices/kinds/ has no line for the type {one.type}")]
    found: list[Item] = []
    try:
        for item in price(one, plan):
            found.append(item)
    except NotKnownYet as error:
        found.append(Unpriced("what is not known yet", f"{error.path} is known only once it is made"))
    return found or [Nothing("it is not used")]


def _price(one: View, item: Item, plan: Plan, sheet: Sheet) -> _Priced | Line:
    if isinstance(item, Nothing):
        return _said(one, item.what, Basis.FREE, item.reason)
    if isinstance(item, Unpriced):
        return _said(one, item.what, Basis.UNKNOWN, item.reason)
    region = plan.region_of(one)
    if found := sheet.price(item.meter, region):
        return _Priced(one, item, found, item.note)
    elsewhere = plan.usage.elsewhere.get(item.meter.service)
    if elsewhere and (found := sheet.price(item.meter, elsewhere.region)):
        note = f"price of {elsewhere.region}, {region or 'this region'} has none: {elsewhere.because}"
        return _Priced(one, item, found, "; ".join(filter(None, [item.note, note])))
    return _said(one, item.what, Basis.UNKNOWN, _no_price(item.meter, region, sheet), item.amount.assumptions)


def _no_price(meter: Meter, region: str, sheet: Sheet) -> str:
    there = sheet.regions(meter)
    known = f", only for {', '.join(there)}" if there else ""
    return f"no price of {meter.meter!r} for {region or 'an unknown region'}{known}: `make prices` asks for it"


def _said(one: View, what: str, basis: Basis, reason: str, assumptions: tuple[str, ...] = ()) -> Line:
    monthly = None if basis is Basis.UNKNOWN else NOTHING
    return Line(
        urn=one.urn, type=one.type, what=what, basis=basis, monthly=monthly, reason=reason, assumptions=assumptions
    )


Place = tuple[Meter, str]


def _billed_shares(priced: Iterable[_Priced]) -> dict[Place, Range]:
    """Of each meter, which part of all that the stack uses is paid for: the free quantity is the subscription's, not a
    resource's. At most, other stacks of the subscription have used it up.
    """
    totals: dict[Place, Range] = {}
    free: dict[Place, float] = {}
    for entry in priced:
        place = (entry.use.meter, entry.price.region)
        totals[place] = totals.get(place, NOTHING) + entry.use.amount.figures
        free[place] = entry.price.free

    def share(used: float, without_charge: float) -> float:
        return max(0.0, used - without_charge) / used if used else 1.0

    return {place: replace(total.each(share, Range.exactly(free[place])), max=1.0) for place, total in totals.items()}


def _line(entry: _Priced, shares: dict[Place, Range]) -> Line:
    use, price = entry.use, entry.price
    monthly = use.amount.figures * price.amount * shares[use.meter, price.region]
    gratis = price.amount == 0
    basis = Basis.FREE if gratis else Basis.FIXED if use.fixed else Basis.USAGE
    return Line(
        urn=entry.one.urn,
        type=entry.one.type,
        what=use.what,
        basis=basis,
        monthly=monthly,
        quantity=use.amount.figures,
        unit=price.of,
        price=price.amount,
        free=price.free,
        assumptions=use.amount.assumptions,
        reason=entry.note or ("its list price is 0" if gratis else ""),
    )


def _warnings(prices: Sequence[Price], lines: Sequence[Line], today: date) -> Iterator[str]:
    """What a reader has to know of the prices."""
    old = [price.date for price in prices if (today - price.date).days > FRESH_DAYS]
    if old:
        days = (today - min(old)).days
        yield (
            f"{len(old)} of {len(prices)} prices are older than {FRESH_DAYS} days, the oldest is of {min(old)} "
            f"({days} days): `make prices` reads them anew"
        )
    yield from sorted({line.reason for line in lines if line.reason.startswith("price of ")})


def own_assumptions(usage: Usage) -> list[str]:
    """The assumptions that a stack has made its own."""
    return sorted(key for key, assumption in usage.assumptions.items() if assumption.own or OF in key)
