"""The training table that Data Factory makes is the one that training makes, row by row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml.data import contract, training_flow
from ml.jobkit import features
from ml.jobkit.errors import JobError
from ml.systems.bike_buyer import generator
from ml.systems.bike_buyer.files import HOLDERS, PURCHASES
from ml.systems.bike_buyer.prepare import prepare
from tests.unit.data_flow_script import Row, read, run

FOLDER = Path("ml/systems/bike_buyer")
SPECIFICATION, DATA = features.load(FOLDER / "features.yaml"), contract.load(FOLDER)
FLOW = training_flow.load(FOLDER)
TABLE, REFUSED = FLOW.sinks


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def made(folder: Path) -> dict[str, list[Row]]:
    """What the flow makes of the files in a folder."""
    return run(FLOW.lines, {source: rows_of(folder / file) for source, file in FLOW.sources.items()})


def compared(rows: Sequence[Row]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[name] for name in [*SPECIFICATION.names, "BikeBuyer"]) for row in rows)


def prepared(folder: Path) -> list[Row]:
    found = prepare(SPECIFICATION, folder)
    both: pd.DataFrame = found.features.assign(BikeBuyer=found.labels)
    return [{str(name): one for name, one in row.items()} for row in both.to_dict("records")]


@pytest.fixture(scope="module")
def sinks(data_directory: Path) -> dict[str, list[Row]]:
    return made(data_directory)


@pytest.fixture(scope="module")
def real(sinks: dict[str, list[Row]]) -> list[Row]:
    return sinks[TABLE]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator.generate(60, 1, tmp_path)
    return tmp_path


def changed(path: Path, column: str, new: str, line: int = 3) -> None:
    rows = rows_of(path)
    rows[line][column] = new
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_every_row_is_the_one_that_training_makes(sinks: dict[str, list[Row]], data_directory: Path) -> None:
    real = sinks[TABLE]
    assert sinks[REFUSED] == []
    assert compared(real) == compared(prepared(data_directory))
    assert {row["LoyaltyCardID"] for row in real} == {row["LoyaltyCardID"] for row in rows_of(data_directory / HOLDERS)}


def test_partial_high_school_and_ten_miles_are_no_unknowns(real: list[Row]) -> None:
    """The workshop looked for 'Partial 1', and had no line for the longest way: both became 0."""
    for name in ("Education", "CommuteDistance"):
        assert {row[name] for row in real} == set(SPECIFICATION.feature(name).categories)
    assert sum(row["Education"] == "Partial High School" for row in real) > 1000
    assert sum(row["CommuteDistance"] == "10+ Miles" for row in real) > 1000


def test_nothing_is_coded_so_no_code_can_differ_from_training(real: list[Row]) -> None:
    """The workshop's flow had 2 for Europe and 3 for Australia, its training file the reverse."""
    for feature in SPECIFICATION.features:
        if feature.categories:
            assert {row[feature.name] for row in real} <= set(feature.categories)


def test_ages_hold_at_a_fixed_day_by_birthdays(real: list[Row], data_directory: Path) -> None:
    script = "\n".join(FLOW.lines)
    assert not [word for word in ("currentDate", "currentTimestamp", "currentUTC", "365", "$") if word in script]
    ages = {row["LoyaltyCardID"]: str(row["Age"]) for row in real}
    assert all(ages[row["LoyaltyCardID"]] == row["Age"] for row in rows_of(data_directory / PURCHASES))


def test_occupation_is_kept_and_what_a_purchase_tells_is_not(real: list[Row]) -> None:
    assert set(real[0]) == {"LoyaltyCardID", *SPECIFICATION.names, "BikeBuyer"}
    assert "Occupation" in real[0]
    assert not [word for word in ("DateFirstPurchase", "EmailAddress", "LastName") if word in "\n".join(FLOW.lines)]


def test_marital_status_is_no_copy_of_the_education(real: list[Row]) -> None:
    assert {row["MaritalStatus"] for row in real} == {"M", "S"}


def test_a_purchase_without_a_holder_makes_no_row(folder: Path) -> None:
    """The workshop joined both ways: a row of nothing but a label."""
    holders = len(rows_of(folder / HOLDERS))
    changed(folder / PURCHASES, "LoyaltyCardID", "99999999")
    assert len(made(folder)[TABLE]) == holders
    assert compared(made(folder)[TABLE]) == compared(prepared(folder))


def test_no_bicycle_is_no_purchase(folder: Path) -> None:
    before = sum(row["BikeBuyer"] for row in made(folder)[TABLE])
    changed(folder / PURCHASES, "Bikes", "0")
    assert sum(row["BikeBuyer"] for row in made(folder)[TABLE]) == before - 1


@pytest.mark.parametrize(
    ("file", "column", "wrong", "named"),
    [
        (HOLDERS, "Education", "Partial 1", "Education"),
        (HOLDERS, "Region", "", "Country"),
        (HOLDERS, "BirthDate", "9.2.1971", "Age"),
        (HOLDERS, "BirthDate", "2017-01-01", "Age"),
        (HOLDERS, "YearlyIncome", "much", "YearlyIncome"),
        (HOLDERS, "TotalChildren", "2.5", "TotalChildren"),
        (HOLDERS, "NumberCarsOwned", "21", "NumberCarsOwned"),
        (PURCHASES, "Bikes", "two", "BikeBuyer"),
    ],
)
def test_what_training_refuses_is_refused_with_the_column(
    folder: Path, file: str, column: str, wrong: str, named: str
) -> None:
    changed(folder / file, column, wrong)
    with pytest.raises(JobError):
        prepare(SPECIFICATION, folder)
    found = made(folder)
    assert [row["refused"] for row in found[REFUSED]] == [named]
    assert len(found[TABLE]) == 59


def test_a_holder_described_twice_in_two_ways_is_refused_and_a_repeated_line_is_one_row(folder: Path) -> None:
    path = folder / HOLDERS
    first = path.read_text(encoding="utf-8-sig").splitlines()[1]
    path.write_text(path.read_text() + first + "\n")
    assert len(made(folder)[TABLE]) == 60
    key, country, rest = first.split(",", 2)
    other = "France" if country != "France" else "Canada"
    path.write_text(path.read_text() + f"{key},{other},{rest}\n")
    assert [(row["LoyaltyCardID"], row["refused"]) for row in made(folder)[REFUSED]] == [(key, "LoyaltyCardID")] * 2


def test_columns_are_read_by_their_names(folder: Path) -> None:
    before, path = compared(made(folder)[TABLE]), folder / HOLDERS
    rows = rows_of(path)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(reversed(rows[0])))
        writer.writeheader()
        writer.writerows(rows)
    assert compared(made(folder)[TABLE]) == before


def test_the_script_names_what_stands_beside_it() -> None:
    statements = read(FLOW.lines)
    named = {kind: [one.name for one in statements if one.kind == kind] for kind in ("source", "sink")}
    assert named == {"source": list(FLOW.sources), "sink": list(FLOW.sinks)}
    others = [one.name for one in statements if one.kind not in named]
    assert others == list(FLOW.transformations)
    assert len(set(others)) == len(others)


def test_a_label_beside_the_features_needs_no_second_file() -> None:
    flow = training_flow.load(Path("ml/systems/attrition"))
    assert len(flow.sources) == 1
    names = features.load(Path("ml/systems/attrition/features.yaml"))
    row = {one.column: one.categories[0] if one.categories else "1" for one in names.features}
    for one in names.features:
        if one.range:
            row[one.column] = f"{one.range[0]:g}"
    found = run(flow.lines, {"rows": [{**row, "EmployeeNumber": "7", names.label.column: "1"}]})
    assert [line[names.label.name] for line in found[TABLE]] == [1]


def test_quotes_and_names_with_spaces_are_written_so_that_they_are_read() -> None:
    odd = replace(SPECIFICATION.feature("Gender"), name="Their gender", categories=("it's", "a \\ b"))
    flow = training_flow.make(replace(SPECIFICATION, features=(odd,)), DATA)
    given = [{"LoyaltyCardID": str(at), "Gender": text} for at, text in enumerate(odd.categories)]
    found = run(flow.lines, {"rows": given, "labels": [{"LoyaltyCardID": "7", "Bikes": "1"}]})
    assert [row["Their gender"] for row in found[TABLE]] == list(odd.categories)


def test_what_no_flow_can_make_is_named() -> None:
    with pytest.raises(JobError, match=r"start is of the kind datetime; a data flow makes category, ordinal"):
        training_flow.load(Path("ml/systems/energy_forecast"))
    with pytest.raises(JobError, match=r"label has no column"):
        training_flow.make(SPECIFICATION, replace(DATA, label=None))
    with pytest.raises(JobError, match=r"has no key"):
        training_flow.make(SPECIFICATION, replace(DATA, files=(replace(DATA.files[0], key=""), DATA.files[1])))
