"""Made-up support tickets. There is no real file: the workshop's was never published.

`python -m ml.systems.ticket_duration.generator --rows N --seed S --output FOLDER` writes `support-tickets.csv` and
`generated.json`, which marks the folder as generated.

What is planted: `expected_hours` gives the hours that a ticket takes on average; what it really takes is that times a
chance of mean 1, so nobody can know more of a ticket than `expected_hours`. Whoever predicts exactly that explains
`PLANTED_R2` of the variance. Effects multiply each other and some hold only together, as a straight line cannot say:
an escalated bug, a newcomer without the tutorial, bills at the end of a month.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from ml.jobkit import generating
from ml.systems.ticket_duration.prepare import FILE

PLANTED_R2 = 0.802
"""Of the expected hours, over very many rows."""

COUNTRIES = {
    "United States": ("North America", "1", 30),
    "Canada": ("North America", "1", 8),
    "Brazil": ("South America", "1", 9),
    "United Kingdom": ("Europe", "2", 12),
    "Germany": ("Europe", "2", 11),
    "India": ("Asia", "3", 13),
    "Japan": ("Asia", "3", 7),
    "Australia": ("Oceania", "3", 6),
    "South Africa": ("Africa", "4", 4),
}
"""Continent, sales region and frequency by country."""
THEMES = {"Access": 22, "Billing": 20, "How to": 24, "Performance": 12, "Bug": 14, "Integration": 8}
ROLES = {"End user": 46, "Administrator": 22, "Developer": 20, "Manager": 12}
TEAMS = {"1": 40, "2": 25, "3": 15, "4": 12, "5": 8}
YEARS = {"2018": 30, "2019": 35, "2020": 35}

THEME_FACTORS = {"Access": 0.5, "Billing": 0.8, "How to": 0.6, "Performance": 1.4, "Bug": 1.7, "Integration": 2.1}
ROLE_FACTORS = {"End user": 1.1, "Administrator": 0.8, "Developer": 0.95, "Manager": 1.2}
CONTINENT_FACTORS = {"Oceania": 1.35, "Asia": 1.15, "South America": 1.1, "Africa": 1.2}
YEAR_FACTORS = {"2018": 1.15, "2019": 1.0, "2020": 0.9}
MONTH_FACTORS = {12: 1.35, 7: 1.15, 8: 1.2}
TECHNICAL = ("Bug", "Integration", "Performance")

COLUMNS = (
    *("TicketID", "Escalated", "GeographyID", "OriginalScore", "Tenure", "Theme", "RoleID", "Continent"),
    *("CountryRegion", "RoleInOrg", "CompletedTutorialBinary", "RatingNumeric"),
    *("DateCreatedDay", "DateCreatedMonth", "DateCreatedYear", "Duration"),
)


def expected_hours(ticket: Mapping[str, Any]) -> float:
    """The planted mean of the hours until a ticket is closed."""
    theme, newcomer = ticket["Theme"], ticket["Tenure"] < 6
    hours: float = 20.0 * THEME_FACTORS[theme] * ROLE_FACTORS[ticket["RoleInOrg"]]
    hours *= CONTINENT_FACTORS.get(ticket["Continent"], 1.0) * YEAR_FACTORS[ticket["DateCreatedYear"]]
    hours *= MONTH_FACTORS.get(ticket["DateCreatedMonth"], 1.0)
    if ticket["Escalated"]:
        hours *= 2.3 if theme in TECHNICAL else 1.2
    if newcomer and not ticket["CompletedTutorialBinary"]:
        hours *= 1.8 if theme == "How to" else 1.4
    if theme == "Billing" and ticket["DateCreatedDay"] >= 26:
        hours *= 1.9
    if ticket["OriginalScore"] <= 3:
        hours *= 1.25
    return hours * (1.15 - 0.05 * float(ticket["RatingNumeric"]))


def tickets(rows: int, seed: int) -> Iterator[dict[str, Any]]:
    """The rows of the file."""
    draw = generating.draws(seed)
    for number in range(rows):
        ticket = _ticket(draw) | {"TicketID": 100_000 + number}
        chance = (draw.random() + draw.random() + draw.random()) / 1.5
        yield ticket | {"Duration": f"{expected_hours(ticket) * chance:.1f}"}


def _ticket(draw: random.Random) -> dict[str, Any]:
    country = generating.pick(draw, {name: frequency for name, (_, _, frequency) in COUNTRIES.items()})
    continent, region, _ = COUNTRIES[country]
    theme = generating.pick(draw, THEMES)
    return {
        "Escalated": int(draw.random() < (0.3 if theme in TECHNICAL else 0.08)),
        "GeographyID": region,
        "OriginalScore": generating.whole(draw, 1, 10),
        "Tenure": int(61 * draw.random() ** 1.7),
        "Theme": theme,
        "RoleID": generating.pick(draw, TEAMS),
        "Continent": continent,
        "CountryRegion": country,
        "RoleInOrg": generating.pick(draw, ROLES),
        "CompletedTutorialBinary": int(draw.random() < 0.45),
        "RatingNumeric": generating.whole(draw, 1, 5),
        "DateCreatedDay": generating.whole(draw, 1, 28),
        "DateCreatedMonth": generating.whole(draw, 1, 12),
        "DateCreatedYear": generating.pick(draw, YEARS),
    }


if __name__ == "__main__":
    generating.main("ticket_duration", FILE, COLUMNS, tickets, 12_000, {"planted_r2": PLANTED_R2})
