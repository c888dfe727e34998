"""`make prices` against a server that answers as Azure's price list does: pages, filters case by case, 429."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from policies.prices.machines import MACHINES
from policies.prices.meters import HUB_UNITS, LOGS, Meter
from policies.prices.sheet import Row, Sheet
from tools import prices
from tools.prices import METERS, from_table, merge, refresh
from tools.progress import SetupError
from tools.retail_prices import RetailPrices

TODAY = date(2026, 11, 30)
PAGE = 7
CONDITION = re.compile(r"(\w+) eq '((?:[^']|'')*)'")


def item(row: Row, price: float, **other: Any) -> dict[str, Any]:
    """A price in the API's shape, the names and the types of its fields."""
    machine = row.service == "Virtual Machines"
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": row.tier,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "" if row.region == "Global" else row.region,
        "location": "EU West",
        "effectiveStartDate": "2026-01-01T00:00:00Z",
        "meterId": "00000000-0000-0000-0000-000000000000",
        "meterName": row.meter,
        "productId": "DZH318Z0BQV5",
        "skuId": "DZH318Z0BQV5/000W",
        "productName": row.product,
        "skuName": row.meter if machine else row.sku,
        "serviceName": row.service,
        "serviceId": "DZH315F9L8DM",
        "serviceFamily": "Compute",
        "unitOfMeasure": row.unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": False,
        "armSkuName": row.sku if machine else "",
        **other,
    }


@dataclass
class Recorded:
    """What the server has, and what it was asked. `busy`: how often it first says 429."""

    items: list[dict[str, Any]]
    busy: int = 0
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """A page of what the filter leaves: values are compared case by case, `or` only within one name."""
        wanted: dict[str, set[str]] = {}
        for name, value in CONDITION.findall(query["$filter"][0]):
            wanted.setdefault("type" if name == "priceType" else name, set()).add(value.replace("''", "'"))
        found = [one for one in self.items if all(one[name] in values for name, values in wanted.items())]
        skip = int(query.get("$skip", ["0"])[0])
        following = httpx.URL(self.url, params={**{key: one[0] for key, one in query.items()}, "$skip": skip + PAGE})
        more = str(following) if skip + PAGE < len(found) else None
        return {"BillingCurrency": "USD", "Items": found[skip : skip + PAGE], "NextPageLink": more, "Count": PAGE}


@contextmanager
def serving(recorded: Recorded) -> Iterator[Recorded]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            recorded.asked.append(self.path)
            if recorded.busy:
                recorded.busy -= 1
                self._send(429, {"error": "Too many requests"}, {"Retry-After": "17"})
            else:
                self._send(200, recorded.answer(parse_qs(urlsplit(self.path).query)), {})

        def _send(self, status: int, content: dict[str, Any], headers: dict[str, str]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorded.url = f"http://127.0.0.1:{server.server_port}/api/retail/prices"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield recorded
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def client(recorded: Recorded, slept: list[float] | None = None) -> RetailPrices:
    return RetailPrices(recorded.url, sleep=(slept if slept is not None else []).append)


def noise(row: Row) -> list[dict[str, Any]]:
    """What the price list has beside a price of ours, and what must not be taken for it."""
    return [
        item(row, 1000, productName=f"{row.product} Windows"),
        item(row, 1000, meterName=f"{row.meter} Spot"),
        item(row, 1000, type="Reservation"),
        item(row, 1000, armRegionName="eastus2"),
        item(row, 1000, meterName=row.meter.upper() + "!"),
        item(row, 1000, skuName="Another", armSkuName="Another"),
    ]


def test_exactly_the_prices_of_our_meters_are_read_from_page_to_page() -> None:
    before = Sheet.read()
    ours = [row for row in before.rows if row.product != "Load balancer of a compute"]
    with serving(Recorded([*(made for row in ours for made in (item(row, row.price), *noise(row)))])) as recorded:
        found = list(client(recorded).rows(METERS, ["westeurope", "eastus"], TODAY))

    assert {(row.key, row.region, row.tier, row.price) for row in found} == {
        (row.key, row.region, row.tier, row.price) for row in ours
    }
    assert {row.date for row in found} == {"2026-11-30"}
    assert any("skip" in path for path in recorded.asked), "there was only one page"
    assert "currencyCode=USD" in recorded.asked[0]
    assert len(recorded.asked) < len(METERS)


def test_a_busy_service_is_waited_for_as_long_as_it_asks() -> None:
    slept: list[float] = []
    with serving(Recorded([], busy=2)) as recorded:
        assert list(client(recorded, slept).rows([LOGS], ["westeurope"], TODAY)) == []

    assert slept == [17, 17]


def test_a_service_that_stays_busy_is_told() -> None:
    with serving(Recorded([], busy=99)) as recorded, pytest.raises(SetupError, match="429"):
        list(client(recorded).rows([LOGS], ["westeurope"], TODAY))


def test_without_a_network_it_says_so_and_the_sheet_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sheet.csv"
    file.write_text(Sheet.read().text())
    monkeypatch.setattr(prices, "RetailPrices", lambda: RetailPrices("http://127.0.0.1:9/api/retail/prices"))

    with pytest.raises(SetupError, match="needs the internet; without it the sheet stays as it is"):
        refresh(file=file, today=TODAY)

    assert file.read_text() == Sheet.read().text()


def test_a_meter_that_counts_something_else_now_stops_it() -> None:
    row = Row(*HUB_UNITS["S1"].key, "westeurope", "1 Hour", 25, 0, "", "2026-01-01")
    with (
        serving(Recorded([item(row, 25)])) as recorded,
        pytest.raises(SetupError, match="by '1 Hour', not by '1/Month'"),
    ):
        list(client(recorded).rows([HUB_UNITS["S1"]], ["westeurope"], TODAY))


def test_the_sheet_is_written_with_new_prices_and_what_was_not_found_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before = tmp_path / "sheet.csv", Sheet.read()
    file.write_text(before.text())
    hub = next(row for row in before.rows if row.meter == "S1 Unit")
    with serving(Recorded([item(hub, 26.5)])) as recorded:
        monkeypatch.setattr(prices, "RetailPrices", lambda: client(recorded))
        said = refresh(file=file, today=TODAY)

    after = {(row.key, row.region, row.tier): row for row in Sheet.read(file).rows}
    changed = [key for key, row in after.items() if row not in before.rows]
    assert changed == [(hub.key, "westeurope", 0)]
    assert after[changed[0]].price == 26.5
    assert said[:2] == [
        "1 price read, 1 of them new or another than before",
        "  IoT Hub: S1 Unit (westeurope): 25 -> 26.5 a 1/Month",
    ]
    assert said[2].endswith("kept as they were; the oldest is of 2024-07-01:")


def test_a_new_tier_takes_the_place_of_all_old_ones() -> None:
    logs = [row for row in Sheet.read().rows if row.key == LOGS.key]
    new = [Row(*LOGS.key, "westeurope", "1 GB", 3.1, 0, "x", "2026-11-30")]

    merged = merge(Sheet(logs), new).sheet

    assert merged.rows == tuple(new)


def test_a_table_of_prices_gives_only_what_we_use(tmp_path: Path) -> None:
    size = next(iter(MACHINES.values())).meter
    header = "service,product,sku,meter,region,unit,price_usd,kind,as_of,source,confidence,tier_min_units"

    def line(meter: Meter, kind: str) -> str:
        return f"{','.join(meter.key)},westeurope,{meter.unit},0.5,{kind},2026-08-15,a page (seen once),exact-region,0"

    file = tmp_path / "table.csv"
    other = Meter("Azure VPN", "VPN", "k", "m", "1 Hour")
    file.write_text("\n".join([header, line(size, "consumption"), line(size, "spot"), line(other, "consumption")]))

    (row,) = from_table(file)

    assert (row.key, row.price, row.source, row.date) == (size.key, 0.5, "a page", "2026-08-15")


def test_a_table_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("meter,price\nx,1\n")

    with pytest.raises(SetupError, match="has no column as_of, price_usd"):
        list(from_table(file))
    with pytest.raises(SetupError, match="No such file"):
        list(from_table(tmp_path / "nothing.csv"))
