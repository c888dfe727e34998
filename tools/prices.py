"""`make prices`: the price sheet, brought up to date by Azure's own price list or by a table of its prices."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from policies.prices.machines import MACHINES
from policies.prices.meters import SERVICES, Meter
from policies.prices.sheet import FILE, Row, Sheet, SheetError
from tools.progress import SetupError
from tools.retail_prices import RetailPrices
from tools.stacks import PROJECT, load_stack, stack_names
from tools.words import count

METERS: tuple[Meter, ...] = (*SERVICES, *(machine.meter for machine in MACHINES.values()))
TABLE = {
    "service": "service",
    "product": "product",
    "sku": "sku",
    "meter": "meter",
    "region": "region",
    "unit": "unit",
    "price_usd": "price",
    "tier_min_units": "tier",
    "source": "source",
    "as_of": "date",
}
"""The columns of a table of retail prices, and what the sheet calls them."""
REMARK = re.compile(r" \(.*?\)")
MOST_SHOWN = 20


@dataclass(frozen=True)
class Merged:
    """A sheet after new rows, and what is to be said of it."""

    sheet: Sheet
    lines: tuple[str, ...]


def regions() -> list[str]:
    """Where the stacks of this checkout are."""
    found = (load_stack(name).configuration().get("config", {}).get(f"{PROJECT}:location") for name in stack_names())
    return sorted({str(region) for region in found if region})


def from_table(file: Path) -> Iterator[Row]:
    """The rows of a CSV of retail prices that belong to a meter of ours.

    Raises:
        SetupError: the file cannot be read, or has other columns.
    """
    keys = {meter.key: meter for meter in METERS}
    try:
        with file.open(newline="") as lines:
            reader = csv.DictReader(lines)
            if missing := TABLE.keys() - set(reader.fieldnames or ()):
                raise SetupError(f"FROM={file}: has no column {', '.join(sorted(missing))}")
            for line in reader:
                row = _row(line)
                if line.get("kind", "consumption") == "consumption" and row.key in keys:
                    yield row
    except OSError as error:
        raise SetupError(f"FROM={file}: {error.strerror}") from None


def _row(line: dict[str, str]) -> Row:
    values = {name: line[column] for column, name in TABLE.items()}
    values["source"] = REMARK.sub("", values["source"])
    return Row(**{**values, "price": float(values["price"]), "tier": float(values["tier"])})  # type: ignore[arg-type]


def merge(before: Sheet, rows: Iterable[Row]) -> Merged:
    """The sheet with new rows in the place of those of the same meter and region. Others stay, with their older date,
    as long as a meter of ours still asks for them.
    """
    new = list(rows)
    replaced = {(row.key, row.region) for row in new}
    ours = {meter.key for meter in METERS}
    kept = [row for row in before.rows if (row.key, row.region) not in replaced and row.key in ours]
    after = Sheet([*new, *kept])
    return Merged(after, tuple(_said(before, after, new, kept)))


def _said(before: Sheet, after: Sheet, new: list[Row], kept: list[Row]) -> Iterator[str]:
    changed = list(_changed(before, after))
    yield f"{count(len(new), 'price')} read, {len(changed)} of them new or another than before"
    yield from changed[:MOST_SHOWN]
    if len(changed) > MOST_SHOWN:
        yield f"  and {len(changed) - MOST_SHOWN} more: `git diff policies/prices/sheet.csv` shows them"
    if kept:
        oldest = min(row.date for row in kept)
        yield f"{count(len(kept), 'price')} not found there, kept as they were; the oldest is of {oldest}:"
        yield from sorted({f"  {row.product}: {row.meter} ({row.region}, {row.date})" for row in kept})[:MOST_SHOWN]
    unpriced = sorted({f"{meter.product}: {meter.meter}" for meter in METERS if not after.regions(meter)})
    if unpriced:
        yield f"Without any price: {', '.join(unpriced)}"


def _changed(before: Sheet, after: Sheet) -> Iterator[str]:
    old = {(row.key, row.region, row.tier): row.price for row in before.rows}
    for row in after.rows:
        was = old.get((row.key, row.region, row.tier))
        if was is None or was != row.price:
            is_now = f"{row.price:g} a {row.unit}"
            yield f"  {row.product}: {row.meter} ({row.region}): {'' if was is None else f'{was:g} -> '}{is_now}"


def refresh(table: str = "", *, file: Path = FILE, today: date | None = None) -> list[str]:
    """Writes the sheet anew, from a table of prices when one is named, else from Azure's price list. What to say of it.

    Raises:
        SetupError: there is no such table, or no answer. The sheet is then what it was.
    """
    try:
        before = Sheet.read(file) if file.exists() else Sheet(())
    except SheetError as error:
        raise SetupError(str(error)) from None
    rows = from_table(Path(table)) if table else RetailPrices().rows(METERS, _asked(before), today or date.today())
    merged = merge(before, rows)
    file.write_text(merged.sheet.text())
    return list(merged.lines)


def _asked(before: Sheet) -> list[str]:
    """The stacks' regions, and every other that the sheet has prices of."""
    return sorted({*regions(), *(row.region for row in before.rows)} - {"Global"})
