"""Raw files held against `data.yaml`: what is said of each mistake, and that the job agrees."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from ml.data import check, contract, values
from ml.jobkit import encoding, features
from ml.jobkit.errors import JobError
from ml.systems.bike_buyer import files, generator, prepare

SYSTEM = Path("ml/systems/bike_buyer")
CONTRACT = contract.load(SYSTEM)
HOLDERS, PURCHASES = CONTRACT.names
ODD = (
    *(
        "1",
        " 1 ",
        "1_000",
        "inf",
        "nan",
        "",
        "1e2",
        "0x10",
        "True",
        "1.5",
        "1.",
        "+1",
        ".5",
        "--1",
        "1,000",
        "１",
        "21",
    ),
    *("1971-02-09", "1971-2-9", "19710209", "1971-02-30", " 1971-02-09", "1971-02-09T00:00:00", "1500-01-01"),
    *("21", "1898-10-26", "1902-10-26", "2002-10-26", "2002-10-27", "M", "m", " M", "Bachelors", "NULL", "0-1 Miles"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator.generate(60, 5, tmp_path)
    return tmp_path


def rewrite(path: Path, change: Callable[[list[dict[str, str]]], object]) -> None:
    """Changes the rows of a file; a column that a row loses is lost."""
    with path.open(newline="", encoding="utf-8-sig") as text:
        rows = list(csv.DictReader(text))
    change(rows)
    with path.open("w", newline="", encoding="utf-8-sig") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def said(folder: Path) -> list[str]:
    """What the check says; the job refuses the same files."""
    found = check.problems(CONTRACT, folder)
    if found:
        with pytest.raises(JobError):
            prepare.prepare(features.load(SYSTEM / "features.yaml"), folder)
    return found


def test_the_files_of_the_contract_are_those_the_job_reads() -> None:
    assert CONTRACT.names == (files.HOLDERS, files.PURCHASES)


def test_good_files_have_no_problem(folder: Path) -> None:
    assert said(folder) == []


@pytest.mark.parametrize(
    ("file", "column", "value", "expected"),
    [
        (
            HOLDERS,
            "Education",
            "Bachelor",
            "no category of Education in features.yaml (did you mean 'Bachelors'?); correct",
        ),
        (HOLDERS, "YearlyIncome", "lots", "no number; correct the data"),
        (HOLDERS, "NumberCarsOwned", "1.5", "not whole; correct the data"),
        (
            HOLDERS,
            "TotalChildren",
            "-1",
            "not within [0, 20]; correct the data, or widen the range of TotalChildren",
        ),
        (HOLDERS, "BirthDate", "12.3.1971", "no date; write it as YYYY-MM-DD"),
        (HOLDERS, "BirthDate", "2010-01-01", "8 years at 2018-10-26, not within [16, 120]"),
        (PURCHASES, "Bikes", "yes", "no number; correct the data"),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_the_fix(
    folder: Path, file: str, column: str, value: str, expected: str
) -> None:
    rewrite(folder / file, lambda rows: rows[3].update({column: value}))
    (line,) = said(folder)
    assert line.startswith(f"{file}, column {column}, row 5: {value!r} is {expected}")


def test_wrong_values_of_a_column_are_counted_and_some_of_them_shown(folder: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        for index, value in enumerate(("x", "y", "x", "z")):
            rows[index]["Gender"] = value

    rewrite(folder / HOLDERS, change)
    (line,) = said(folder)
    assert "row 2: 'x' is no category" in line
    assert line.endswith("(4 rows in all, also 'y', 'z')")


def test_every_missing_column_is_named(folder: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["education"] = row.pop("Education")
            del row["Gender"]

    rewrite(folder / HOLDERS, change)
    first, second = said(folder)
    assert first.startswith(f"{HOLDERS} lacks the column Gender; it has LoyaltyCardID, ")
    assert second == f"{HOLDERS} lacks the column Education (did you mean 'education'?)"


def test_a_holder_described_in_two_ways_is_found_and_a_repeated_row_is_not(folder: Path) -> None:
    rewrite(folder / HOLDERS, lambda rows: rows.append({**rows[0], "FirstName": "Another"}))
    assert said(folder) == []
    rewrite(folder / HOLDERS, lambda rows: rows.append({**rows[0], "TotalChildren": "19"}))
    (line,) = said(folder)
    assert f"{HOLDERS}, column LoyaltyCardID, row 63: '11000' is in two rows that differ" in line


def test_files_without_rows_and_files_that_are_no_text_are_named(folder: Path) -> None:
    (folder / HOLDERS).write_text((folder / HOLDERS).read_text().partition("\n")[0])
    (folder / PURCHASES).write_bytes("LoyaltyCardID,Region,Age,Bikes\n1,Côte,3,1\n".encode("latin-1"))
    assert [line.partition(" (")[0] for line in said(folder)] == [
        f"{HOLDERS} has a header and no rows; give it at least one",
        f"{PURCHASES} is not UTF-8",
    ]
    (folder / HOLDERS).write_text("")
    assert said(folder)[0] == f"{HOLDERS} is empty"


def test_a_row_that_is_cut_off_is_found(folder: Path) -> None:
    with (folder / PURCHASES).open("a") as text:
        text.write("11001,Europe\n")
    (line,) = check.problems(CONTRACT, folder)
    assert "has 2 fields; the header has 4" in line


@pytest.mark.parametrize(("bikes", "which"), [("0", "no"), ("1", "every")])
def test_labels_that_are_all_the_same_are_found(folder: Path, bikes: str, which: str) -> None:
    with (folder / HOLDERS).open(newline="", encoding="utf-8-sig") as text:
        keys = [row["LoyaltyCardID"] for row in csv.DictReader(text)]
    rows = "".join(f"{key},Europe,40,{bikes}\n" for key in keys)
    (folder / PURCHASES).write_text(f"LoyaltyCardID,Region,Age,Bikes\n{rows}")
    (line,) = check.problems(CONTRACT, folder)
    assert line.startswith(f"{which} LoyaltyCardID of {HOLDERS} is in {PURCHASES} with Bikes above 0")


@pytest.mark.parametrize("column", [one for one in CONTRACT.files[0].columns if one.feature], ids=lambda one: one.name)
def test_a_value_is_refused_exactly_when_the_job_refuses_it(column: contract.Column) -> None:
    specification = features.load(SYSTEM / "features.yaml")
    only = specification.feature(column.feature)
    for value in ODD:
        raw = pd.Series([value], name=column.name, dtype=object)
        try:
            encoding.of(only).check(only, raw, encoding.of(only).values(only, raw, specification))
            refused = False
        except (JobError, ValueError):  # pandas has no whole number for infinity
            refused = True
        assert bool(values.fault(column, value)) == refused, value


def test_a_birthday_still_to_come_does_not_count() -> None:
    (column,) = (one for one in CONTRACT.files[0].columns if one.type == "birth_date")
    assert column.as_of == date(2018, 10, 26)
    assert values.fault(column, "2002-10-26") == ""
    assert values.fault(column, "2002-10-27").startswith("15 years")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a", r"data\.yaml is \['a'\]; it must be a mapping"),
        ("files: [{name: a.csv, columns: [{name: x, type: date}]}]", "type is 'date'; write one of text, category"),
        ("files: [{name: a.csv, columns: [{name: x, type: category}]}]", "a category needs them"),
        ("files: [{name: a.csv, columns: [{name: x, range: [0, 1]}]}]", "only a number has one"),
        ("files: [{name: a.csv}]\nlabel: {file: b.csv, above_zero: x}", r"file is 'b\.csv'; write one of a\.csv"),
        ("files: [{name: a.csv, columns: [{name: x}]}]\nlabel: {file: a.csv, above_zero: x}", "listed as a number"),
        ("files: [{name: a.csv, size: 3}]", "unknown key 'size'"),
    ],
)
def test_a_wrong_contract_names_key_value_and_fix(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "features.yaml").write_text((SYSTEM / "features.yaml").read_text())
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(JobError, match=expected):
        contract.load(tmp_path)
