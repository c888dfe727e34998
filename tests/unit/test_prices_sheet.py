"""The price sheet: which row counts where, what is free, and that nothing we may use lacks a price."""

from __future__ import annotations

from datetime import date

import pytest

from policies.prices.machines import MACHINES, has_gpu
from policies.prices.meters import SERVICES, UNITS, Meter
from policies.prices.sheet import FILE, GLOBAL, Row, Sheet, SheetError
from tools.prices import METERS, regions

HOUR = Meter("S", "P", "k", "m", "1 Hour")


def row(price: float, region: str = "westeurope", unit: str = "1 Hour", tier: float = 0) -> Row:
    return Row("S", "P", "k", "m", region, unit, price, tier, "somewhere", "2026-08-15")


def test_the_regions_own_price_comes_first_then_the_one_that_holds_everywhere() -> None:
    sheet = Sheet([row(2), row(1, GLOBAL), row(9, "eastus")])

    assert [sheet.price(HOUR, region).amount for region in ("westeurope", "northeurope")] == [2, 1]  # type: ignore[union-attr]


def test_the_price_of_another_region_is_none() -> None:
    sheet = Sheet([row(9, "eastus")])

    assert sheet.price(HOUR, "westeurope") is None
    assert sheet.regions(HOUR) == ["eastus"]


def test_the_lowest_tier_that_costs_something_counts_and_what_lies_below_it_is_free() -> None:
    sheet = Sheet([row(0, unit="10K"), row(0.5, unit="10K", tier=3), row(0.1, unit="10K", tier=50)])

    price = sheet.price(HOUR, "westeurope")

    assert price is not None
    assert (price.amount, price.free, price.of) == (0.5 / 10_000, 30_000, "one")


def test_volume_discounts_do_not_count() -> None:
    found = Sheet([row(0.0196), row(0.018, tier=512000)]).price(HOUR, "westeurope")

    assert found is not None
    assert (found.amount, found.free) == (0.0196, 0)


def test_what_is_paid_by_the_day_is_counted_in_hours() -> None:
    found = Sheet([row(24, unit="1/Day")]).price(HOUR, "westeurope")

    assert found is not None
    assert (found.amount, found.of, found.date) == (1, "hour", date(2026, 8, 15))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("S,P,k,m,r,1 Hour,cheap,0,s,2026-01-01", "line 2"),
        ("S,P,k,m,r,1 Fortnight,1,0,s,2026-01-01", "Fortnight"),
        ("S,P,k,m,r,1 Hour,-1,0,s,2026-01-01", "cannot be"),
        ("S,P,k,m,r,1 Hour,1,0,s,last week", "line 2"),
        ("S,P", "line 2"),
    ],
)
def test_a_line_that_cannot_be_is_named(line: str, message: str) -> None:
    with pytest.raises(SheetError, match=message):
        Sheet.parse(f"service,product,sku,meter,region,unit,price,tier,source,date\n{line}\n")


def test_the_committed_sheet_is_as_the_tool_writes_it() -> None:
    assert Sheet.read().text() == FILE.read_text()


def test_the_committed_sheet_has_no_row_that_nobody_asks_for_and_none_twice() -> None:
    rows = Sheet.read().rows
    places = [(one.key, one.region, one.tier) for one in rows]
    assert {one.key for one in rows} <= {meter.key for meter in METERS}
    assert len(places) == len(set(places))


def test_every_meter_counts_what_the_sheet_counts() -> None:
    units = {one.key: one.unit for one in Sheet.read().rows}
    assert {meter.key: meter.unit for meter in METERS} == units
    assert set(units.values()) <= set(UNITS)


@pytest.mark.parametrize("region", regions())
def test_every_size_of_machine_has_a_price_where_a_stack_is(region: str) -> None:
    sheet = Sheet.read()
    assert [size for size, one in MACHINES.items() if sheet.price(one.meter, region) is None] == []


@pytest.mark.parametrize("region", regions())
def test_every_other_meter_has_a_price_where_a_stack_is_but_for_databricks(region: str) -> None:
    sheet = Sheet.read()
    missing = {meter.service for meter in SERVICES if sheet.price(meter, region) is None}
    assert missing == {"Azure Databricks"}


def test_sizes_with_a_graphics_processor_are_told_apart() -> None:
    assert {size for size, one in MACHINES.items() if one.gpu} == {
        "standard_nc4as_t4_v3",
        "standard_nc8as_t4_v3",
        "standard_nc24ads_a100_v4",
        "standard_nc40ads_h100_v5",
    }
    assert has_gpu("Standard_NV6ads_A10_v5")
    assert not has_gpu("Standard_DS3_v2")
