from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.jobkit import features, frame
from ml.jobkit.encodings.number import whole_years
from ml.jobkit.errors import JobError

SPECIFICATION = features.load(Path("ml/systems/bike_buyer/features.yaml"))
PERSON = {
    "Region": "Canada",
    "BirthDate": "1980-10-26",
    "MaritalStatus": "M",
    "Gender": "F",
    "YearlyIncome": "60000.00",
    "TotalChildren": "2",
    "NumberChildrenAtHome": "1",
    "Education": "Partial High School",
    "Occupation": "Manual",
    "HouseOwnerFlag": "1",
    "NumberCarsOwned": "2",
    "CommuteDistance": "10+ Miles",
}


def built(**changes: str) -> pd.DataFrame:
    return frame.build(SPECIFICATION, pd.DataFrame([PERSON | changes]))


def test_values_are_those_of_a_request() -> None:
    row = built().iloc[0].to_dict()
    assert row["Age"] == 38
    assert row["YearlyIncome"] == 60000.0
    assert row["Country"] == "Canada"
    assert row["CommuteDistance"] == "10+ Miles"


@pytest.mark.parametrize(
    ("born", "age"),
    [("1980-10-26", 38), ("1980-10-27", 37), ("1980-10-25", 38), ("1980-12-01", 37), ("2000-02-29", 18)],
)
def test_age_is_counted_by_birthdays(born: str, age: int) -> None:
    assert built(BirthDate=born)["Age"].tolist() == [age]


def test_a_birthday_in_a_leap_year_does_not_count_as_a_day_off() -> None:
    """365-day years give 38 here: that is how the same person aged two weeks early."""
    dates = pd.to_datetime(pd.Series(["1980-10-30"]))
    assert whole_years(dates, datetime.date(2018, 10, 26)).tolist() == [37]


def test_every_category_has_a_column_of_its_own() -> None:
    for feature in SPECIFICATION.features:
        if feature.type == "category":
            rows = pd.concat([built(**{feature.column: category}) for category in feature.categories])
            columns = [index for index, (name, _) in enumerate(SPECIFICATION.encoded_columns) if name == feature.name]
            assert (frame.encode(SPECIFICATION, rows)[:, columns] == np.eye(len(columns))).all(), feature.name


def test_an_unknown_category_is_zero_everywhere() -> None:
    encoded = frame.encode(SPECIFICATION, built().assign(Country="Atlantis"))
    assert encoded[0, :6].tolist() == [0] * 6
    assert encoded.dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Education": "Partial 1"}, r"column Education: 'Partial 1' \(1 rows\) is not in features.yaml; add it to"),
        ({"Region": "NULL"}, r"column Region: 'NULL' .* categories of Country, or correct the data"),
        ({"YearlyIncome": "much"}, r"column YearlyIncome: 'much' \(1 rows\) is not a number"),
        ({"TotalChildren": "1.5"}, r"column TotalChildren: '1\.5' .* whole"),
        ({"NumberCarsOwned": "99"}, r"column NumberCarsOwned: '99' .* within \[0, 20\] for Num"),
        ({"BirthDate": "26/10/1980"}, r"column BirthDate: '26/10/1980' .* a date"),
        ({"BirthDate": "2015-01-01"}, r"column BirthDate: '2015-01-01' .* within \[16, 120\] years for Age"),
    ],
)
def test_training_data_is_never_repaired_silently(changes: dict[str, str], message: str) -> None:
    with pytest.raises(JobError, match=message):
        built(**changes)


def test_a_missing_column_is_named() -> None:
    raw = pd.DataFrame([PERSON]).drop(columns=["Gender"])
    with pytest.raises(JobError, match="the data lacks the column Gender; it has Region"):
        frame.build(SPECIFICATION, raw)
