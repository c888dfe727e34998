"""Made-up bike buyers, for machines without the real files.

`python -m ml.systems.bike_buyer.generator --rows N --seed S --output FOLDER` writes the two CSV files of the real data
with the same columns, and `generated.json`, which marks the folder as generated. Every person is invented. The same
rows and seed give the same bytes on every machine: only the standard library's `random()` is drawn from, whose
sequence Python guarantees.

What is planted: a purchase happens with the probability that `purchase_probability` gives, a logistic function of the
features. A model that knew this function would reach `PLANTED_AUC`; none can do better but by luck. The frequencies
of the features are round numbers made for this purpose, and independent of each other.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ml.jobkit import features, generating
from ml.systems.bike_buyer.files import HOLDERS, PURCHASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PLANTED_AUC = 0.898
"""Of the true probabilities, over very many rows."""
ENCODING = "utf-8-sig"
"""The real files begin with a byte-order mark."""

CONTINENTS = {
    "Australia": "Pacific",
    "Canada": "North America",
    "France": "Europe",
    "Germany": "Europe",
    "United Kingdom": "Europe",
    "United States": "North America",
}
FREQUENCIES: dict[str, dict[str, int]] = {
    "Region": {
        "United States": 42,
        "Australia": 20,
        "United Kingdom": 10,
        "France": 10,
        "Germany": 10,
        "Canada": 8,
    },
    "MaritalStatus": {"M": 55, "S": 45},
    "Gender": {"M": 50, "F": 50},
    "TotalChildren": {"0": 28, "1": 20, "2": 20, "3": 12, "4": 12, "5": 8},
    "Education": {
        "Bachelors": 29,
        "Partial College": 27,
        "High School": 18,
        "Graduate Degree": 17,
        "Partial High School": 9,
    },
    "Occupation": {"Professional": 30, "Skilled Manual": 25, "Management": 17, "Clerical": 16, "Manual": 12},
    "HouseOwnerFlag": {"1": 68, "0": 32},
    "NumberCarsOwned": {"2": 35, "1": 26, "0": 23, "3": 9, "4": 7},
    "CommuteDistance": {"0-1 Miles": 34, "1-2 Miles": 18, "2-5 Miles": 17, "5-10 Miles": 17, "10+ Miles": 14},
}
EFFECTS: dict[str, dict[str, float]] = {
    "Region": {"Australia": 1.4, "United States": -0.4, "Germany": 0.4, "Canada": 0.8},
    "MaritalStatus": {"S": 0.9},
    "Education": {"Bachelors": 0.7, "Graduate Degree": 0.9, "Partial High School": -0.9},
    "Occupation": {"Professional": 0.6, "Manual": -0.5},
    "NumberCarsOwned": {"0": 1.5, "1": 0.7, "3": -0.9, "4": -1.5},
    "CommuteDistance": {"0-1 Miles": 0.8, "5-10 Miles": -0.6, "10+ Miles": -1.4},
}
"""Change of the log-odds by a category; 0 where none is given."""


HOLDER_COLUMNS = (
    *("LoyaltyCardID", "Region", "FirstName", "MiddleName", "LastName", "BirthDate", "MaritalStatus", "Gender"),
    *("EmailAddress", "YearlyIncome", "TotalChildren", "NumberChildrenAtHome", "Education", "Occupation"),
    *("HouseOwnerFlag", "NumberCarsOwned", "AddressLine1", "AddressLine2", "Phone", "DateFirstPurchase"),
    "CommuteDistance",
)
PURCHASE_COLUMNS = ("LoyaltyCardID", "Region", "Age", "Bikes")


def purchase_probability(person: Mapping[str, str], age: int) -> float:
    """The planted probability that a holder buys; `person` has the columns of the holders' file."""
    log_odds = -0.2
    log_odds += sum(effects.get(person[column], 0.0) for column, effects in EFFECTS.items())
    log_odds -= 0.5 * int(person["NumberChildrenAtHome"])
    log_odds -= ((age - 42) / 14) ** 2
    log_odds += (float(person["YearlyIncome"]) - 60_000) / 35_000
    return 1 / (1 + math.exp(-log_odds))


def people(rows: int, seed: int, as_of: date) -> Iterable[tuple[dict[str, str], int, int]]:
    """(row of the holders' file, age in years on the day `as_of`, bicycles bought) of each person."""
    draw = generating.draws(seed)
    for number in range(rows):
        person = {column: generating.pick(draw, frequencies) for column, frequencies in FREQUENCIES.items()}
        age = 32 + int(45 * draw.random() ** 1.6)
        birthday = as_of.replace(year=as_of.year - age) - timedelta(days=int(365 * draw.random()))
        income = 10_000 * (1 + int(15 * draw.random() ** 1.5))
        at_home = int((int(person["TotalChildren"]) + 1) * draw.random() ** 2)
        person |= {"BirthDate": birthday.isoformat(), "YearlyIncome": f"{income}.00"}
        person |= {"NumberChildrenAtHome": str(at_home)} | _invented(number)
        bought = draw.random() < purchase_probability(person, age)
        yield person, age, 1 + int(draw.random() ** 3 * 4) if bought else 0


def generate(rows: int, seed: int, output: Path) -> None:
    """Write both files and the mark into `output`, which is made."""
    as_of = features.load(Path(__file__).with_name("features.yaml")).day
    drawn = list(people(rows, seed, as_of))
    purchases = [
        {
            "LoyaltyCardID": person["LoyaltyCardID"],
            "Region": CONTINENTS[person["Region"]],
            "Age": str(age),
            "Bikes": str(bikes),
        }
        for person, age, bikes in drawn
        if bikes
    ]
    generating.write(output, HOLDERS, HOLDER_COLUMNS, [person for person, _, _ in drawn], ENCODING)
    generating.write(output, PURCHASES, PURCHASE_COLUMNS, purchases, ENCODING)
    generating.mark(output, "bike_buyer", rows, seed, {"planted_auc": PLANTED_AUC})


def _invented(number: int) -> dict[str, str]:
    """The columns no model may use."""
    return {
        "LoyaltyCardID": str(11_000 + number),
        "FirstName": f"First{number}",
        "MiddleName": "NULL",
        "LastName": f"Last{number}",
        "EmailAddress": f"person{number}@example.com",
        "AddressLine1": f"{number + 1} Example Street",
        "AddressLine2": "NULL",
        "Phone": "000-555-0100",
        "DateFirstPurchase": "2013-01-01",
    }


def main() -> None:
    generating.command("bike_buyer", HOLDERS, generate, 15_000)


if __name__ == "__main__":
    main()
