"""The price sheet: dated list prices in US dollars, a row a meter, region and tier."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from policies.prices.meters import UNITS, Meter

FILE = Path(__file__).with_name("sheet.csv")
GLOBAL = "Global"
"""The region of a meter that has one price everywhere."""
FRESH_DAYS = 90


class SheetError(ValueError):
    """A sheet that cannot be read; names the line."""


@dataclass(frozen=True, order=True)
class Row:
    """One line of the sheet."""

    service: str
    product: str
    sku: str
    meter: str
    region: str
    unit: str
    price: float
    """US dollars for one `unit`."""
    tier: float
    """Units a month from which on the price holds: 0 for the first tier."""
    source: str
    date: str
    """ISO date on which the source had it."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What its meter has too."""
        return (self.service, self.product, self.sku, self.meter)


@dataclass(frozen=True)
class Price:
    """What a meter costs in a region: US dollars for one hour, GB or operation, whatever it counts."""

    amount: float
    free: float
    """How many of them cost nothing, each month and subscription."""
    of: str
    """The basic unit."""
    region: str
    date: date


class Sheet:
    """Prices by meter and region."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(sorted(rows))
        self._found: dict[tuple[str, str, str, str], list[Row]] = {}
        for row in self.rows:
            self._found.setdefault(row.key, []).append(row)

    @classmethod
    def read(cls, file: Path = FILE) -> Sheet:
        """The sheet in a file.

        Raises:
            SheetError: a line is wrong, or the file is not there.
        """
        try:
            return cls.parse(file.read_text(), file.name)
        except OSError as error:
            raise SheetError(f"{file}: {error.strerror}; `make prices` makes the sheet") from None

    @classmethod
    def parse(cls, text: str, name: str = "sheet") -> Sheet:
        """The sheet in a text."""
        reader = csv.DictReader(io.StringIO(text))
        rows = []
        for number, line in enumerate(reader, 2):
            try:
                values = {field.name: line[field.name] for field in fields(Row)}
                row = Row(**{**values, "price": float(values["price"]), "tier": float(values["tier"])})  # type: ignore[arg-type]
                date.fromisoformat(row.date)
            except (KeyError, TypeError, ValueError) as error:
                raise SheetError(f"{name}, line {number}: {error}") from None
            if row.price < 0 or row.unit not in UNITS:
                raise SheetError(f"{name}, line {number}: price {row.price} for {row.unit!r} cannot be")
            rows.append(row)
        return cls(rows)

    def text(self) -> str:
        """As a file has it: sorted, so that a change of price is one changed line."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        names = [field.name for field in fields(Row)]
        writer.writerow(names)
        writer.writerows([_shown(getattr(row, name)) for name in names] for row in self.rows)
        return out.getvalue()

    def regions(self, meter: Meter) -> list[str]:
        """The regions that there is a price of a meter for."""
        return sorted({row.region for row in self._found.get(meter.key, ())})

    def price(self, meter: Meter, region: str) -> Price | None:
        """The price in a region, else the one that holds everywhere; never that of another region.

        The lowest tier that costs something counts, for volume discounts begin where no stack of ours gets to; what
        lies below it is free.
        """
        rows = self._found.get(meter.key, ())
        there = [row for row in rows if row.region == region] or [row for row in rows if row.region == GLOBAL]
        if not there:
            return None
        row = min(there, key=lambda one: (one.price == 0, one.tier))
        unit = UNITS[row.unit]
        free = row.tier * unit.size if row.price else 0.0
        return Price(row.price / unit.size, free, unit.of, row.region, date.fromisoformat(row.date))


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.10f}".rstrip("0").rstrip(".")
