"""Azure's public retail price API: the prices of the meters that an estimate uses, and of nothing else.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices: no login; answers come in pages;
from api-version 2023-01-01-preview on the values of a filter are compared case by case.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

import httpx

from policies.prices.meters import Meter
from policies.prices.sheet import GLOBAL, Row
from tools.progress import SetupError

URL = "https://prices.azure.com/api/retail/prices"
API_VERSION = "2023-01-01-preview"
MACHINES = "Virtual Machines"
AT_ONCE = 15
"""Meters asked for in one request: a filter is part of its address, which may not be endless."""
ATTEMPTS = 5
LONGEST_WAIT = 120.0
SECONDS = 30.0
UNREACHABLE = (
    "{url} does not answer ({error}). `make prices` needs the internet; without it the sheet stays as it is, and every "
    "estimate says how old its prices are"
)


@dataclass
class RetailPrices:
    """A client of the API. `sleep` waits for as many seconds as the service asks for."""

    url: str = URL
    sleep: Callable[[float], None] = time.sleep
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=SECONDS, follow_redirects=True))

    def rows(self, meters: Iterable[Meter], regions: Sequence[str], today: date) -> Iterator[Row]:
        """The prices of meters in regions, and of those that cost the same everywhere.

        Raises:
            SetupError: the service does not answer, or with something else than prices.
        """
        asked = sorted(meter for meter in meters if not meter.documented)
        for (service, product), group in groupby(asked, lambda one: (one.service, one.product)):
            of_product = list(group)
            for start in range(0, len(of_product), AT_ONCE):
                part = of_product[start : start + AT_ONCE]
                yield from self._of(service, product, part, regions, today)

    def _of(
        self, service: str, product: str, meters: list[Meter], regions: Sequence[str], today: date
    ) -> Iterator[Row]:
        wanted = {meter.key: meter for meter in meters}
        for item in self._items(_filter(service, product, meters, regions)):
            row = _row(item, today)
            meter = wanted.get(row.key)
            if meter is not None and item.get("type") == "Consumption" and row.region in (*regions, GLOBAL):
                if row.unit != meter.unit:
                    raise SetupError(
                        f"{self.url} has {row.meter!r} by {row.unit!r}, not by {meter.unit!r} as before: see to "
                        "policies/prices/meters.py first"
                    )
                yield row

    def _items(self, query: str) -> Iterator[Mapping[str, Any]]:
        answer = self._get(self.url, {"api-version": API_VERSION, "currencyCode": "USD", "$filter": query})
        yield from answer["Items"]
        while following := answer.get("NextPageLink"):
            answer = self._get(following)
            yield from answer["Items"]

    def _get(self, url: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        for attempt in range(ATTEMPTS):
            try:
                answer = self.client.get(url, params=params)
            except httpx.HTTPError as error:
                raise SetupError(UNREACHABLE.format(url=self.url, error=error or type(error).__name__)) from None
            if answer.status_code not in (429, 503) or attempt == ATTEMPTS - 1:
                break
            self.sleep(_wait(answer, attempt))
        if answer.status_code != httpx.codes.OK:
            raise SetupError(f"{self.url} answers {answer.status_code} {answer.reason_phrase}: {answer.text[:200]}")
        try:
            content: Mapping[str, Any] = answer.json()
        except ValueError:
            raise SetupError(f"{self.url} answers with something else than JSON: {answer.text[:200]!r}") from None
        if "Items" not in content:
            raise SetupError(f"{self.url} answers without Items: {answer.text[:200]}")
        return content


def _wait(answer: httpx.Response, attempt: int) -> float:
    """As long as it asks for; else twice as long each time."""
    try:
        asked = float(answer.headers.get("Retry-After", ""))
    except ValueError:  # a date, or nothing
        asked = 5.0 * 2**attempt
    return min(asked, LONGEST_WAIT)


def _filter(service: str, product: str, meters: Iterable[Meter], regions: Sequence[str]) -> str:
    places = " or ".join(f"armRegionName eq {_quoted(region)}" for region in (*regions, GLOBAL, ""))
    names = " or ".join(f"meterName eq {_quoted(name)}" for name in sorted({meter.meter for meter in meters}))
    return (
        f"serviceName eq {_quoted(service)} and productName eq {_quoted(product)} and priceType eq 'Consumption' "
        f"and ({places}) and ({names})"
    )


def _quoted(text: str) -> str:
    """As OData writes it."""
    return "'" + text.replace("'", "''") + "'"


def _row(item: Mapping[str, Any], today: date) -> Row:
    try:
        return Row(
            service=item["serviceName"],
            product=item["productName"],
            sku=item["armSkuName"] if item["serviceName"] == MACHINES else item["skuName"],
            meter=item["meterName"],
            region=item["armRegionName"] or GLOBAL,
            unit=item["unitOfMeasure"],
            price=float(item["retailPrice"]),
            tier=float(item["tierMinimumUnits"]),
            source=URL,
            date=today.isoformat(),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SetupError(f"{URL} has a price that cannot be read ({error!r}): {dict(item)}") from None
